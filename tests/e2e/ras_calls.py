#!/usr/bin/env python3
"""What a gatekeeper is told of calls and does to them: bandwidth, resources, reports with call
signalling and times, calls granted beforehand; and what comes wrong: lost, twice, late, forged,
senseless, signed by somebody else.
"""
# timeout: 240
import os
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import ras  # noqa: E402
import sluice_lab  # noqa: E402

STRANGER = sluice_lab.ENDPOINT_IPS[2]
ALL_MESSAGES = {name: True for name in (
    "setup", "callProceeding", "connect", "alerting", "information", "releaseComplete", "facility",
    "progress", "empty")}
START_AND_END = [{"when": {"start": None, "end": None},
                  "required": {"nonStandardUsageTypes": [], "startTime": None, "endTime": None}}]


def settings(config):
    ras.use_gatekeeper(config)
    config["gatekeeper"].update(request_ms=1500, almost_out_percent=50, available_percent=10)
    config["signalling"]["limits"] = {**config["signalling"].get("limits", {}), "max_sessions": 2}


def call(lab, name, **more):
    """A call that stays until it is stopped."""
    caller = lab.endpoint(name, "--play", sluice_lab.tone_pair()[0], "--loop", "--stay", "--start",
                          "now", "--timeout", "40", **more)
    caller.wait_event("connect")
    return caller


def hang_up(lab, caller, gatekeeper=None):
    before = gatekeeper.count("disengageRequest") if gatekeeper else 0
    caller.stop()
    lab.wait_sessions(0)
    if gatekeeper:
        gatekeeper.wait("disengageRequest", before + 1)


def counter(lab, name):
    return lab.call("gatekeeper.get")["counters"][name]


def wait_counter(lab, name, value, seconds=10):
    return lab.wait_gatekeeper(lambda g: g["counters"][name] >= value, seconds)["counters"][name]


def request(gatekeeper, kind, number, **fields):
    """A request of the gatekeeper about the newest call."""
    arq = gatekeeper.last("admissionRequest")
    body = {"requestSeqNum": number, "conferenceID": arq["conferenceID"],
            "callReferenceValue": arq["callReferenceValue"],
            "callIdentifier": arq["callIdentifier"], **fields}
    if kind != "infoRequest":
        body["endpointIdentifier"] = arq["endpointIdentifier"]
    else:
        del body["conferenceID"]
    return gatekeeper.make(kind, body)


def bandwidth(c, lab, gatekeeper):
    control = lab.control()
    control.call("events.subscribe")
    caller = call(lab, "narrow")
    gatekeeper.socket.sendto(request(gatekeeper, "bandwidthRequest", 501, bandWidth=2000),
                             gatekeeper.peer)
    c.equal("more is agreed to", gatekeeper.wait("bandwidthConfirm")[1]["bandWidth"], 2000)
    gatekeeper.socket.sendto(request(gatekeeper, "bandwidthRequest", 502, bandWidth=640),
                             gatekeeper.peer)
    c.equal("less, too", gatekeeper.wait("bandwidthConfirm", 2)[1]["bandWidth"], 640)
    c.equal("said to the operator", control.wait_event("session.bandwidth")["data"],
            {"allowed": 640, "needed": 1280})
    report = caller.report()
    c.equal("two G.711 channels do not fit", report["release"]["reason"], "noBandwidth")
    gatekeeper.wait("disengageRequest")
    lab.wait_sessions(0)


def small_grant(c, lab, gatekeeper):
    """ACF grants half: the rest is asked for when the channels open, and granted."""
    gatekeeper.change["admissionConfirm"] = lambda acf: acf.update(bandWidth=640)
    caller = call(lab, "half")
    _, brq, _ = gatekeeper.wait("bandwidthRequest")
    c.equal("asked for what the channels need", brq["bandWidth"], 1280)
    arq = gatekeeper.last("admissionRequest")
    c.equal("of that call", brq["callIdentifier"], arq["callIdentifier"])
    hang_up(lab, caller, gatekeeper)
    gatekeeper.change.clear()


def resources(c, lab, gatekeeper):
    """One of two sessions: almost out; none: available again."""
    caller = call(lab, "half-full")
    _, rai, _ = gatekeeper.wait("resourcesAvailableIndicate")
    c.equal("almost out", rai["almostOutOfResources"], True)
    hang_up(lab, caller, gatekeeper)
    _, rai, _ = gatekeeper.wait("resourcesAvailableIndicate", 2)
    c.equal("available", rai["almostOutOfResources"], False)


def reports(c, lab, gatekeeper):
    def wants(acf):
        acf.update(irrFrequency=1, willRespondToIRR=True, uuiesRequested=ALL_MESSAGES,
                   usageSpec=START_AND_END)

    gatekeeper.change["admissionConfirm"] = wants
    caller = call(lab, "watched")
    end = time.monotonic() + 10 * sluice_lab.PATIENCE
    count = 0
    while time.monotonic() < end:  # the report that comes every second
        count += 1
        info = gatekeeper.wait("infoRequestResponse", count)[1]["perCallInfo"][0]
        if "pdu" not in info and "usageInformation" not in info:
            break
    arq = gatekeeper.last("admissionRequest")
    c.equal("the report is of the call", info["callIdentifier"], arq["callIdentifier"])
    gatekeeper.socket.sendto(request(gatekeeper, "infoRequest", 601), gatekeeper.peer)
    hang_up(lab, caller, gatekeeper)
    drq = gatekeeper.last("disengageRequest")
    said = gatekeeper.all("infoRequestResponse")
    c.equal("asked for: answered by number",
            [i["requestSeqNum"] for i in said if not i["unsolicited"]], [601])
    infos = [i["perCallInfo"][0] for i in said if i["unsolicited"]]
    shown = [(next(iter(i["pdu"][0]["h323pdu"]["h323-message-body"])), i["pdu"][0]["sent"])
             for i in infos if "pdu" in i]
    for message in (("setup", False), ("connect", True)):
        c.check(f"shown: {message}", message in shown, shown)
    c.check("shown: releaseComplete", "releaseComplete" in dict(shown), shown)
    times = [i["usageInformation"] for i in infos if "usageInformation" in i]
    now = int(time.time())
    c.check("time of the start", times and now - 120 < times[0]["connectTime"] <= now, times)
    c.check("time of the end", now - 5 * sluice_lab.PATIENCE <= drq["usageInformation"]["endTime"] <= now, drq)
    c.equal("all were acknowledged", counter(lab, "ras_given_up"), 0)
    gatekeeper.change.clear()


def lost_and_doubled(c, lab, gatekeeper):
    gatekeeper.lose, gatekeeper.lose_kind = 1, "admissionRequest"  # not what came late of the last call
    gatekeeper.copies = 2
    repeated, unmatched = counter(lab, "ras_repeated"), counter(lab, "ras_unmatched")
    caller = call(lab, "patient")
    c.check("asked again", counter(lab, "ras_repeated") > repeated)
    c.check("the second answer is nothing", wait_counter(lab, "ras_unmatched", unmatched + 1) >
            unmatched)
    c.equal("the repetition is the same request",
            len({a["requestSeqNum"] for a in gatekeeper.all("admissionRequest")}), 1)
    hang_up(lab, caller, gatekeeper)
    gatekeeper.copies = 1


def forged(c, lab, gatekeeper):
    """The wrong number, another host with the right one, noise: then the answer that counts."""
    stranger = ras.open_socket(STRANGER)
    before = {name: counter(lab, name) for name in
              ("ras_unmatched", "ras_strangers", "ras_undecodable")}

    def lie(acf):
        number = acf["requestSeqNum"]
        wrong = dict(acf, requestSeqNum=number % 65535 + 1)
        gatekeeper.socket.sendto(gatekeeper.make("admissionConfirm", wrong), gatekeeper.peer)
        reject = {"requestSeqNum": number, "rejectReason": {"requestDenied": None}}
        stranger.sendto(gatekeeper.make("admissionReject", reject), gatekeeper.peer)
        true = gatekeeper.make("admissionConfirm", dict(acf))
        for size in (0, 1, 2, 7, len(true) // 2):
            gatekeeper.socket.sendto(true[:size], gatekeeper.peer)
        gatekeeper.socket.sendto(bytes(range(256)) * 16, gatekeeper.peer)

    gatekeeper.before["admissionConfirm"] = lie
    caller = call(lab, "believed")
    for name, was in before.items():
        c.check(f"counted: {name}", counter(lab, name) > was)
    hang_up(lab, caller, gatekeeper)
    gatekeeper.before.clear()
    stranger.close()


def forged_signatures(c, lab, gatekeeper):
    """DisengageRequests by another password, of another time, and one that was heard before."""
    caller = call(lab, "signed")
    arq = gatekeeper.last("admissionRequest")
    body = {"requestSeqNum": 700, "endpointIdentifier": arq["endpointIdentifier"],
            "conferenceID": arq["conferenceID"], "callReferenceValue": arq["callReferenceValue"],
            "disengageReason": {"forcedDrop": None}, "callIdentifier": arq["callIdentifier"],
            "answeredCall": True}
    for name, how in (("ras_token_hash", {"password": "guessed"}),
                      ("ras_token_time", {"seconds": -7300}), ("ras_token_time", {"seconds": 7300})):
        before = counter(lab, name)
        body["requestSeqNum"] += 1
        gatekeeper.socket.sendto(gatekeeper.make("disengageRequest", dict(body), **how),
                                 gatekeeper.peer)
        c.equal(f"{name} {how}", wait_counter(lab, name, before + 1), before + 1)
    bare = ras.per("encode", ras.json.dumps({"disengageRequest": body})).strip()
    before = counter(lab, "ras_token_none")
    gatekeeper.socket.sendto(bytes.fromhex(bare), gatekeeper.peer)
    c.equal("without a token", wait_counter(lab, "ras_token_none", before + 1), before + 1)
    c.equal("the call lives", len(lab.sessions()), 1)
    c.equal("and nothing was answered", gatekeeper.count("disengageConfirm"), 0)
    body["requestSeqNum"] += 1
    good = gatekeeper.make("disengageRequest", dict(body))
    gatekeeper.socket.sendto(good, gatekeeper.peer)
    gatekeeper.wait("disengageConfirm")
    caller.report()
    lab.wait_sessions(0)
    duplicates = counter(lab, "ras_duplicates")
    gatekeeper.socket.sendto(good, gatekeeper.peer)
    gatekeeper.wait("disengageConfirm", 2)
    c.equal("the same again: the same answer", counter(lab, "ras_duplicates"), duplicates + 1)


def in_progress(c, lab, gatekeeper):
    """RequestInProgress: no repetition from then on, and the answer after longer than one waits for it."""
    asked = []

    def wait(acf):
        gatekeeper.say("requestInProgress",
                       {"requestSeqNum": acf["requestSeqNum"], "delay": 20000})
        wait_counter(lab, "ras_progress", 1)
        asked.append(gatekeeper.count("admissionRequest"))

    gatekeeper.before["admissionConfirm"] = wait
    caller = call(lab, "in-progress")
    c.equal("not asked again", gatekeeper.count("admissionRequest"), asked[0])
    hang_up(lab, caller, gatekeeper)
    gatekeeper.before.clear()


def unknown(c, lab, gatekeeper):
    gatekeeper.say("locationRequest", {
        "requestSeqNum": 811, "destinationInfo": [{"h323-ID": "demo"}],
        "replyAddress": ras.transport(ras.ADDRESS, 1719)})
    c.equal("not ours to answer", gatekeeper.wait("unknownMessageResponse")[1]["requestSeqNum"],
            811)
    gatekeeper.say("serviceControlIndication", {"requestSeqNum": 812, "serviceControl": []})
    _, scr, _ = gatekeeper.wait("serviceControlResponse")
    c.equal("service control", (scr["requestSeqNum"], scr["result"]), (812, {"notAvailable": None}))


def pregranted(c, lab, gatekeeper):
    gatekeeper.change["registrationConfirm"] = lambda rcf: rcf.update(preGrantedARQ={
        "makeCall": True, "useGKCallSignalAddressToMakeCall": False, "answerCall": True,
        "useGKCallSignalAddressToAnswer": False})
    lab.call("gatekeeper.unregister")
    lab.wait_info(lambda g: g["state"] == "off", "gatekeeper.unregistered")
    lab.call("gatekeeper.register")
    lab.wait_info(lambda g: g["state"] == "registered")
    gatekeeper.forget()
    hang_up(lab, call(lab, "granted"))
    c.equal("nobody was asked", (gatekeeper.count("admissionRequest"),
                                 gatekeeper.count("disengageRequest")), (0, 0))
    c.equal("counted", counter(lab, "ras_calls_pregranted"), 1)
    gatekeeper.change.clear()


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with ras.RasLab("ras-calls", settings) as lab:
        gatekeeper = ras.Gatekeeper(ras.ADDRESS)
        lab.start()
        lab.wait_info(lambda g: g["state"] == "registered")
        for case in (resources, bandwidth, small_grant, reports, lost_and_doubled, forged,
                     forged_signatures, in_progress, unknown, pregranted):
            gatekeeper.forget()
            c.case(case.__name__, case, c, lab, gatekeeper)
    gatekeeper.close()
    c.finish()


if __name__ == "__main__":
    main()
