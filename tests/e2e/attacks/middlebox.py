"""Somebody on the path of the call signalling who reads and rewrites tunnelled H.245: a TCP relay that
decodes each message with sluice-per, lets a function change it, and encodes it again. Not a test."""
import os
import select
import socket
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import attack_lab  # noqa: E402,F401 (makes the next two found)
import captures  # noqa: E402
import sluice_lab  # noqa: E402


class Middlebox:
    """Listens on `listen` (ADDRESS, PORT) of the server's namespace, carries each connection to `to`.
    `change(name, body, from_caller)` changes a body of H.245 in place and says whether it did."""

    def __init__(self, listen, to, change):
        self.to, self.change = to, change
        self.changed = []  # names of messages that were
        self.seen = []     # names of all
        self.errors = []
        self.door = socket.create_server(listen)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.door.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self.door.close()

    def _accept(self):
        while True:
            try:
                caller = self.door.accept()[0]
                callee = socket.create_connection(self.to, 5 * sluice_lab.PATIENCE)
            except OSError:
                return
            threading.Thread(target=self._carry, args=(caller, callee), daemon=True).start()

    def _carry(self, caller, callee):
        lines = {caller: captures.Line(caller), callee: captures.Line(callee)}
        try:
            while not any(line.is_over for line in lines.values()):
                for ready in select.select([caller, callee], [], [], 60)[0]:
                    other = lines[callee if ready is caller else caller]
                    for octets in lines[ready].read():
                        other.send(self._rewrite(octets, ready is caller))
        except OSError:
            pass
        except (sluice_lab.LabError, KeyError, ValueError, TypeError, IndexError) as error:
            self.errors.append(repr(error))
        caller.close()
        callee.close()

    def _rewrite(self, octets, from_caller):
        message = captures.Q931(octets)
        pdus = message.tunnelled()
        again = [self._rewrite_h245(pdu, from_caller) for pdu in pdus]
        if again == pdus:
            return octets
        message.pdu["h245Control"] = [pdu.hex() for pdu in again]
        return message.octets()

    def _rewrite_h245(self, octets, from_caller):
        value = captures.decode("MultimediaSystemControlMessage", octets)
        (_, choice), = value.items()
        (name, body), = choice.items()
        self.seen.append(name)
        if not self.change(name, body, from_caller):
            return octets
        self.changed.append(name)
        return captures.encode("MultimediaSystemControlMessage", value)


def drop_keys(value, keys):
    """Takes members of these names out of all objects inside; whether there were any."""
    found = False
    if isinstance(value, dict):
        for key in keys:
            found = value.pop(key, None) is not None or found
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            found = drop_keys(item, keys) or found
    return found


def strip_capabilities(body):
    """T-TCS undone: no h235SecurityCapability is in the table any more, nor named by a descriptor."""
    gone = {entry["capabilityTableEntryNumber"] for entry in body.get("capabilityTable", [])
            if "h235SecurityCapability" in entry.get("capability", {})}
    body["capabilityTable"] = [entry for entry in body.get("capabilityTable", [])
                               if entry["capabilityTableEntryNumber"] not in gone]
    kept = []
    for descriptor in body.pop("capabilityDescriptors", []):
        sets = [[n for n in alternatives if n not in gone]
                for alternatives in descriptor.get("simultaneousCapabilities", [])]
        descriptor["simultaneousCapabilities"] = [s for s in sets if s]
        if descriptor["simultaneousCapabilities"]:
            kept.append(descriptor)
    if kept:
        body["capabilityDescriptors"] = kept
    return bool(gone)


def strip_channel(body):
    """T-OLC undone: the channel's data as if nothing protected them."""
    parameters = body.get("forwardLogicalChannelParameters", {})
    media = parameters.get("dataType", {}).get("h235Media")
    if media is not None:
        parameters["dataType"] = media["mediaType"]
    return drop_keys(body, ["dtlsSecurityCapability"]) or media is not None


def strip_set(name, body, _):
    return name == "terminalCapabilitySet" and strip_capabilities(body)


def strip_channels(name, body, _):
    return name in ("openLogicalChannel", "openLogicalChannelAck") and strip_channel(body)


def strip_all(name, body, from_caller):
    return strip_set(name, body, from_caller) or strip_channels(name, body, from_caller)


def set_fingerprints(value, text):
    found = False
    if isinstance(value, dict):
        if isinstance(value.get("fingerprint"), str):
            value["fingerprint"], found = text(value["fingerprint"]), True
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            found = set_fingerprints(item, text) or found
    return found


def other_fingerprint(name, body):
    """A fingerprint as good as theirs, of another certificate."""
    return name in ("openLogicalChannel", "openLogicalChannelAck") and set_fingerprints(
        body, lambda text: ":".join(f"{int(octet, 16) ^ 0xff:02X}" for octet in text.split(":")))


def callers_fingerprint(name, body, from_caller):
    return from_caller and other_fingerprint(name, body)


def callees_fingerprint(name, body, from_caller):
    return not from_caller and other_fingerprint(name, body)
