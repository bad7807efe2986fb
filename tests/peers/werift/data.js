"use strict";
/* A WebRTC peer with a data channel (werift: ICE, DTLS and SCTP in TypeScript) for tests/e2e/werift_data.py.
 * One JSON object a line, as peer.js.
 *
 *   node data.js COUNT SIZE WINDOW FIFO
 *
 * Offers audio and a data channel; sends numbered messages on it, which the far side echoes, and reports
 * when all are back or the pipe ends. */
const fs = require("fs");
const readline = require("readline");
const { Connection, MediaStreamTrack, RTCPeerConnection, RTCRtpCodecParameters } = require("werift");

/* Without a list of STUN servers werift asks Google's, and waits five seconds for it: here is nobody to ask. */
const { gatherCandidates } = Connection.prototype;
Connection.prototype.gatherCandidates = function (...rest) {
  this.stunServer = undefined;
  return gatherCandidates.apply(this, rest);
};


const [count, size, window] = process.argv.slice(2, 5).map(Number);
const say = (event, fields) => process.stdout.write(JSON.stringify({ event, ...fields }) + "\n");
const pc = new RTCPeerConnection({
  codecs: {
    audio: [new RTCRtpCodecParameters({ mimeType: "audio/PCMA", clockRate: 8000, channels: 1, payloadType: 8 })],
    video: [],
  },
  iceServers: [],
  iceUseIpv6: false,
});
pc.addTransceiver(new MediaStreamTrack({ kind: "audio" }), { direction: "sendrecv" });
const channel = pc.createDataChannel("numbers");
let sent = 0, back = 0, disorder = 0, wrong = 0, began = 0;

function more() {
  while (sent < count && sent - back < window) {
    const message = Buffer.alloc(size, sent & 255);
    message.writeUInt32BE(sent++, 0);
    channel.send(message);
  }
}

function report() {
  say("report", { sent, back, disorder, wrong, seconds: (Date.now() - began) / 1000 });
}

channel.stateChanged.subscribe((state) => {
  say("channel", { state });
  if (state === "open") { began = Date.now(); more(); }
});
channel.onMessage.subscribe((data) => {
  const number = data.readUInt32BE(0);
  if (number !== back) disorder++;
  if (data.length !== size || data[size - 1] !== (number & 255)) wrong++;
  back++;
  if (back === count) report();
  else more();
});
const fail = (error) => { say("error", { text: String((error && error.stack) || error) }); process.exit(1); };
process.on("unhandledRejection", fail);
readline.createInterface({ input: fs.createReadStream(process.argv[5]) })
  .on("line", (line) => pc.setRemoteDescription({ type: "answer", sdp: JSON.parse(line).answer }).catch(fail))
  .on("close", async () => { if (back !== count) report(); await pc.close(); process.exit(0); });
pc.createOffer().then((offer) => pc.setLocalDescription(offer))
  .then(() => say("offer", { sdp: pc.localDescription.sdp })).catch(fail);
