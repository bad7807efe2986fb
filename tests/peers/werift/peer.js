"use strict";
/* A WebRTC peer (werift: ICE, DTLS and SRTP in TypeScript, no library in common with ours) for
 * tests/e2e/werift.py. One JSON object a line: descriptions come by a named pipe, all else goes to standard
 * output.
 *
 *   node peer.js offer|answer FREQUENCY RECORDING FIFO [MESSAGES]
 *
 * Plays a tone by RTP (PCMA) once it is connected, writes what it hears to a WAV file, and reports when
 * the pipe ends. With MESSAGES it opens a data channel, too, and sends so many, one after the echo of the
 * other. */
const fs = require("fs");
const readline = require("readline");
const {
  Connection, MediaStreamTrack, RTCPeerConnection, RTCRtpCodecParameters, RtpHeader, RtpPacket,
} = require("werift");

/* Without a list of STUN servers werift asks Google's, and waits five seconds for it: here is nobody to ask. */
const { gatherCandidates } = Connection.prototype;
Connection.prototype.gatherCandidates = function (...rest) {
  this.stunServer = undefined;
  return gatherCandidates.apply(this, rest);
};


const [mode, frequency, recording] = [process.argv[2], Number(process.argv[3]), process.argv[4]];
const say = (event, fields) => process.stdout.write(JSON.stringify({ event, ...fields }) + "\n");
const heard = [];
let packetsOut = 0;

/* G.711 A-law, both ways (ITU-T G.711 table 1a). */
function encode(sample) {
  let sign = 0x80, value = sample >> 3, exponent = 0;
  if (value < 0) { sign = 0; value = -value - 1; }
  if (value > 0xfff) value = 0xfff;
  while (value >> (exponent + 5)) exponent++;
  const mantissa = exponent ? (value >> exponent) & 15 : (value >> 1) & 15;
  return (sign | (exponent << 4) | mantissa) ^ 0x55;
}

function decode(octet) {
  octet ^= 0x55;
  const exponent = (octet >> 4) & 7;
  let value = ((octet & 15) << 4) + 8;
  if (exponent) value = (value + 0x100) << (exponent - 1);
  return octet & 0x80 ? value : -value;
}

function writeWav(path, samples) {
  const head = Buffer.alloc(44);
  head.write("RIFF", 0); head.writeUInt32LE(36 + samples.length * 2, 4); head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16); head.writeUInt16LE(1, 20); head.writeUInt16LE(1, 22);
  head.writeUInt32LE(8000, 24); head.writeUInt32LE(16000, 28); head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34); head.write("data", 36); head.writeUInt32LE(samples.length * 2, 40);
  const body = Buffer.alloc(samples.length * 2);
  samples.forEach((s, i) => body.writeInt16LE(s, 2 * i));
  fs.writeFileSync(path, Buffer.concat([head, body]));
}

const pc = new RTCPeerConnection({
  codecs: {
    audio: [new RTCRtpCodecParameters({ mimeType: "audio/PCMA", clockRate: 8000, channels: 1, payloadType: 8 })],
    video: [],
  },
  iceServers: [],
  iceUseIpv6: false,
});
const track = new MediaStreamTrack({ kind: "audio" });
let player = null;

function play() {
  const began = Date.now();
  let sequence = 1000, at = 0;
  player = setInterval(() => {
    /* A timer that comes late is made up for: the stream keeps its clock. */
    while (at / 8 <= Date.now() - began) {
      const payload = Buffer.alloc(160);
      for (let i = 0; i < 160; i++)
        payload[i] = encode(Math.round(8000 * Math.sin((2 * Math.PI * frequency * (at + i)) / 8000)));
      const header = new RtpHeader({
        payloadType: 8, sequenceNumber: sequence++ & 0xffff, timestamp: at, ssrc: 0x5a5a0001,
        marker: at === 0, version: 2,
      });
      track.writeRtp(new RtpPacket(header, payload));
      packetsOut++;
      at += 160;
    }
  }, 10);
}

pc.connectionStateChange.subscribe((state) => {
  say("connection", { state });
  if (state === "connected") { listen(); play(); }
});
/* What SRTP has verified, before werift looks for a track: it knows only SSRCs that SDP names, and the server
 * passes on those of the other side, whichever they are. */
function listen() {
  pc.dtlsTransports[0].onRtp.subscribe((rtp) => {
    for (const octet of rtp.payload) heard.push(decode(octet));
    if (heard.length === rtp.payload.length) say("media", { payload_type: rtp.header.payloadType });
  });
}
pc.addTransceiver(track, { direction: "sendrecv" });

const messages = Number(process.argv[6] || 0);
let echoes = 0, wrong = 0;
if (messages > 0) {
  const channel = pc.createDataChannel("sluice");
  const text = (i) => `message ${i} ` + "x".repeat(i * 7);
  channel.stateChanged.subscribe((state) => {
    say("channel", { state });
    if (state === "open") channel.send(text(0));
  });
  channel.onMessage.subscribe((data) => {
    if (data.toString() !== text(echoes)) wrong++;
    if (++echoes < messages) channel.send(text(echoes));
    else say("echoed", { echoes, wrong });
  });
}

async function onLine(line) {
  const message = JSON.parse(line);
  if (message.offer) {
    await pc.setRemoteDescription({ type: "offer", sdp: message.offer });
    await pc.setLocalDescription(await pc.createAnswer());
    say("answer", { sdp: pc.localDescription.sdp });
  } else {
    await pc.setRemoteDescription({ type: "answer", sdp: message.answer });
  }
}

async function finish() {
  if (player) clearInterval(player);
  const dtls = pc.dtlsTransports[0];
  writeWav(recording, heard);
  say("report", {
    samples: heard.length, packets_out: packetsOut, dtls_role: dtls ? dtls.role : null,
    dtls_state: dtls ? dtls.state : null, srtp_profile: dtls && dtls.dtls ? dtls.dtls.srtp.srtpProfile : null,
    ice_state: pc.iceConnectionState, echoes, wrong,
  });
  await pc.close();
  process.exit(0);
}

const fail = (error) => { say("error", { text: String(error && error.stack || error) }); process.exit(1); };
process.on("unhandledRejection", fail);
readline.createInterface({ input: fs.createReadStream(process.argv[5]) }).on("line", (line) => onLine(line).catch(fail))
  .on("close", () => finish().catch(fail));
if (mode === "offer")
  pc.createOffer().then((offer) => pc.setLocalDescription(offer))
    .then(() => say("offer", { sdp: pc.localDescription.sdp })).catch(fail);
else
  say("ready", {});
