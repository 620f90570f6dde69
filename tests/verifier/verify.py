"""A second verifier of audit logs. It follows docs/audit-format.md and shares no code with the first.

    verify.py DIRECTORY [--keys keys.json] [--export] [--other CHECKPOINT]... [--cosigned CHECKPOINT --witness KEY...]
    verify.py --batch      one JSON object a line on standard input: directory, keys, export, others, cosigned, witnesses

The answer is one JSON object a line: {"ok": true, ...} or {"ok": false, "index": n, "why": "..."}.
It needs Python 3.9 and the package `cryptography`. Section numbers are those of the document.
"""

import base64
import binascii
import hashlib
import json
import os
import re
import sys
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256

MAX_LINE = 48 * 1024 * 1024
MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 127
TOLERANCE = 60
MAX_CHECKPOINT = 64 * 1024
LAST_SECOND = 253402207200

MEMBERS = {
    "intent": ["at", "index", "kind", "proof", "request", "v"],
    "outcome": ["at", "index", "intent", "kind", "outcome", "v"],
    "outcome-unknown": ["at", "index", "intent", "kind", "reason", "v"],
    "denied": ["at", "index", "kind", "refusal", "v"],
    "refused": ["at", "index", "kind", "refusal", "v"],
    "event": ["at", "index", "kind", "note", "v"],
}

NAME = re.compile(r"[a-z][a-z0-9-]{0,62}\Z")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z\Z", re.ASCII)


class Broken(Exception):
    """The first entry that is not as it was written."""

    def __init__(self, index, why):
        super().__init__(why)
        self.index, self.why = index, why


class Wrong(Exception):
    """Something does not hold; whoever knows the index makes a Broken of it."""


class NotJson(Wrong):
    """Not JSON at all: after the checkpoint this is a torn tail."""


def sha256(*parts):
    state = hashlib.sha256()
    for part in parts:
        state.update(part)
    return state.digest()


# --- section 3: canonical form -------------------------------------------------------------------------------------


def is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def refuse_constant(_):
    raise NotJson("NaN and Infinity are no JSON")


class NotInteger:
    """A number that the log's form does not have."""


def whole(text):
    return int(text) if len(text) <= 16 else NotInteger()


def read_json(text):
    try:
        return json.loads(text, parse_constant=refuse_constant, parse_float=lambda _: NotInteger(), parse_int=whole)
    except RecursionError:
        raise Wrong("nested too deeply") from None
    except ValueError as error:
        raise NotJson(str(error)) from None


def write_json(value, depth=0):
    """The canonical text of a value."""
    if depth > MAX_DEPTH:
        raise Wrong("nested too deeply")
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if is_integer(value):
        if not 0 <= value <= MAX_INTEGER:
            raise Wrong("a number is no integer from 0 to 2^53 - 1")
        return str(value)
    if isinstance(value, list):
        return "[" + ",".join(write_json(item, depth + 1) for item in value) + "]"
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        pairs = (json.dumps(name, ensure_ascii=False) + ":" + write_json(value[name], depth + 1) for name in names)
        return "{" + ",".join(pairs) + "}"
    raise Wrong("a number is no integer from 0 to 2^53 - 1")


def canonical(text):
    """Reads a text that must be canonical."""
    value = read_json(text)
    if write_json(value) != text:
        raise Wrong("not in canonical form")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Wrong("a lone surrogate") from None
    return value


def has_lone_surrogate(value):
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
        return False
    except UnicodeEncodeError:
        return True


def base64url(text):
    """Bytes from base64url without padding, in its one spelling."""
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]*", text):
        raise Wrong("not base64url")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        raise Wrong("not base64url") from None
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise Wrong("base64url in another spelling")
    return data


# --- section 4: the tree -------------------------------------------------------------------------------------------


class Tree:
    """Roots of complete subtrees, largest first."""

    def __init__(self):
        self.size, self.peaks = 0, []

    def push(self, leaf):
        node, size = leaf, self.size
        while size & 1:
            node = sha256(b"\x01", self.peaks.pop(), node)
            size >>= 1
        self.peaks.append(node)
        self.size += 1

    def root(self):
        if not self.peaks:
            return sha256(b"")
        node = self.peaks[-1]
        for left in reversed(self.peaks[:-1]):
            node = sha256(b"\x01", left, node)
        return node


# --- sections 5 and 11: checkpoints and cosignatures ---------------------------------------------------------------

P = 2**255 - 19
D = -121665 * pow(121666, P - 2, P) % P


def is_small_order(encoded):
    """Whether eight times the Edwards point is the neutral element. What is no point counts as one: it is no key either."""
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return True
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - x2) % P or (x == 0 and sign):
        return True
    for _ in range(3):
        product = D * x * x * y * y % P
        x, y = 2 * x * y * pow(1 + product, P - 2, P) % P, (y * y + x * x) * pow(1 - product, P - 2, P) % P
    return (x, y) == (0, 1)


def read_note(note):
    """The text of a signed note, and its signatures as name, key id and bytes."""
    try:
        text = note.decode("utf-8")
    except UnicodeDecodeError:
        raise Wrong("the checkpoint is not UTF-8") from None
    if any(character < " " and character != "\n" for character in text) or not text.endswith("\n"):
        raise Wrong("the checkpoint is no note")
    body, blank, lines = text[:-1].rpartition("\n\n")
    if not blank:
        raise Wrong("the checkpoint has no signatures")
    return body + "\n", [read_signature(line) for line in lines.split("\n")]


def read_signature(line):
    match = re.fullmatch(r"\u2014 ([^ +]+) ([A-Za-z0-9+/]+={0,2})", line)
    if not match:
        raise Wrong("a signature line is malformed")
    try:
        data = base64.b64decode(match[2], validate=True)
    except (ValueError, binascii.Error):
        raise Wrong("a signature line is malformed") from None
    if len(data) < 5 or base64.b64encode(data).decode() != match[2]:
        raise Wrong("a signature line is malformed")
    return match[1], data[:4], data[4:]


class NoteKey:
    """A C2SP verifier key: 1 is the type of a log's, 4 that of a witness's."""

    def __init__(self, vkey, kind):
        try:
            self.origin, identity, encoded = vkey.rstrip().split("+", 2)
            typed = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            raise Wrong("not a verifier key") from None
        self.id = sha256(self.origin.encode(), b"\n", typed)[:4]
        if len(typed) != 33 or typed[0] != kind or identity != self.id.hex() or is_small_order(typed[1:]):
            raise Wrong("not a verifier key")
        self.key = Ed25519PublicKey.from_public_bytes(typed[1:])

    def signed(self, signature, message):
        """Strictly: R is no point of small order, and the library sees that S is reduced."""
        if len(signature) != 64 or is_small_order(signature[:32]):
            return False
        try:
            self.key.verify(signature, message)
            return True
        except InvalidSignature:
            return False


class WitnessKey(NoteKey):
    def __init__(self, vkey):
        super().__init__(vkey, 4)

    def open(self, body, signatures):
        """When this witness signed the text of a note (section 11), or None."""
        for name, identity, data in signatures:
            if (name, identity) != (self.origin, self.id) or len(data) != 72:
                continue
            at = int.from_bytes(data[:8], "big")
            if at > LAST_SECOND:
                continue
            if self.signed(data[8:], b"cosignature/v1\ntime %d\n" % at + body.encode()):
                return at
        return None


def cosignatures(note, witnesses):
    """What known witnesses said of a checkpoint. Lines of others, and lines that do not verify, say nothing."""
    body, signatures = read_note(note)
    said = [(witness.origin, witness.open(body, signatures)) for witness in map(WitnessKey, witnesses)]
    return [{"witness": name, "at": at} for name, at in said if at is not None]


class LogKey(NoteKey):
    def __init__(self, vkey):
        super().__init__(vkey, 1)

    def open(self, note):
        """Size and root of a checkpoint of this log."""
        body, signatures = read_note(note)
        self.check(body, signatures)
        return self.head(body)

    def check(self, body, signatures):
        if len(signatures) > 100:
            raise Wrong("the checkpoint has too many signatures")
        own = [data for name, identity, data in signatures if (name, identity) == (self.origin, self.id)]
        if not own or not self.signed(own[0], body.encode()):
            raise Wrong("the checkpoint is not signed by this log's key")

    def head(self, body):
        lines = body[:-1].split("\n")
        if len(lines) < 3 or not all(lines) or lines[0] != self.origin:
            raise Wrong("the checkpoint is another log's, or none")
        if not re.fullmatch(r"0|[1-9][0-9]{0,19}", lines[1]) or not re.fullmatch(r"[A-Za-z0-9+/]{43}=", lines[2]):
            raise Wrong("the checkpoint is malformed")
        root = base64.b64decode(lines[2], validate=True)
        if base64.b64encode(root).decode() != lines[2]:
            raise Wrong("the checkpoint is malformed")
        return int(lines[1]), root


# --- section 7: proofs ---------------------------------------------------------------------------------------------

KINDS = {"claviger:simulated": "simulated", "claviger:host-asserted": "host-asserted"}
RECEIPT = ["approver", "authenticator_data", "client_data_json", "credential_id", "kind", "request", "signature", "v"]
QUESTION = [["expires", "facts", "need", "nonce", "scope", "v"], ["code", "expires", "facts", "need", "nonce", "scope", "v"]]
MAX_BATCH = 32
SENT = ["operation", "method", "origin"]
SENT_IF_ANY = ["connect", "trust", "pins", "credential", "lent", "captures"]


class Approver:
    def __init__(self, enrolment):
        self.name, self.kind = enrolment["name"], enrolment["kind"]
        self.relying_party, self.origins = enrolment["rp-id"], enrolment["origins"]
        if KINDS.get(self.relying_party, "webauthn") != self.kind:
            raise Wrong("an approver's kind and relying party do not belong together")
        on_terminal = self.relying_party == "claviger:terminal"
        if any((origin == "claviger:terminal/security-key") != on_terminal for origin in self.origins):
            raise Wrong("an approver's origin and relying party do not belong together")
        point = base64url(enrolment["public-key"])
        if len(point) != 65 or point[0] != 4:
            raise Wrong("an approver's key is no P-256 key")
        self.key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def read_approvers(enrolments):
    approvers = {}
    for enrolment in enrolments:
        identity = base64url(enrolment["credential-id"])
        if identity in approvers:
            raise Wrong("two approvers have one key")
        approvers[identity] = Approver(enrolment)
    return approvers


def is_object(value, members):
    return isinstance(value, dict) and sorted(value) == sorted(members)


def client_data(data):
    if len(data) > 4096:
        raise Wrong("the client data are too long")

    def once(pairs):
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            raise Wrong("a member of the client data stands twice")
        return dict(pairs)

    def any_depth(pairs):
        return pairs

    try:
        pairs = json.loads(data.decode("utf-8"), object_pairs_hook=any_depth, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        raise Wrong("the client data are no JSON") from None
    if not data.lstrip(b" \t\r\n").startswith(b"{"):
        raise Wrong("the client data are no object")
    return once(pairs)


def challenge(receipt, question):
    """What must have been signed: the question's digest, or that of a batch which holds it."""
    own = sha256(b"claviger/approval/v1\x00", receipt["request"].encode())
    if "batch" not in receipt:
        return own
    if not isinstance(receipt["batch"], str):
        raise Wrong("the batch is no text")
    batch = canonical(receipt["batch"])
    if not is_object(batch, ["asks", "v"]) or batch["v"] != 1 or batch["v"] is True or not isinstance(batch["asks"], list):
        raise Wrong("the batch is malformed")
    asks = batch["asks"]
    if not all(isinstance(ask, str) for ask in asks) or not 2 <= len(asks) <= MAX_BATCH or len(set(asks)) != len(asks):
        raise Wrong("the batch is malformed")
    if own.hex() not in asks or not is_simple(question) or question["scope"]["kind"] != "once":
        raise Wrong("the batch does not answer this question")
    return sha256(b"claviger/batch/v1\x00", receipt["batch"].encode())


def is_simple(question):
    return question["need"] == 1 and "code" not in question


def check_client_data(data, challenge, approver):
    client = client_data(data)
    expected = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
    if client.get("type") != "webauthn.get" or client.get("challenge") != expected:
        raise Wrong("the client data are of something else than this question")
    if client.get("origin") not in approver.origins:
        raise Wrong("the client data come from another origin")
    if client.get("crossOrigin", False) is not False or "topOrigin" in client:
        raise Wrong("the signature was made inside another site's page")


def check_authenticator_data(data, approver):
    if len(data) != 37 or data[:32] != sha256(approver.relying_party.encode()):
        raise Wrong("the authenticator data are not of this relying party")
    flags = data[32]
    verified = flags & 0x04 or approver.kind == "host-asserted"
    if not flags & 0x01 or not verified or flags & 0xC0 or (flags & 0x10 and not flags & 0x08):
        raise Wrong("the authenticator's flags do not say that its user was there")


def read_question(text):
    if not isinstance(text, str):
        raise Wrong("the question is no text")
    question = canonical(text)
    if not any(is_object(question, members) for members in QUESTION):
        raise Wrong("the question has other members")
    if question["v"] != 1 or question["v"] is True or not is_integer(question["expires"]):
        raise Wrong("the question has another version")
    if not isinstance(question["facts"], dict) or len(base64url(question["nonce"])) != 32:
        raise Wrong("the question is malformed")
    if not is_integer(question["need"]) or not 1 <= question["need"] <= 255 or not isinstance(question.get("code", ""), str):
        raise Wrong("the question is malformed")
    check_scope(question["scope"])
    if question["scope"]["kind"] == "lease" and not is_simple(question):
        raise Wrong("a lease is one person's word, without a code")
    return question


def check_scope(scope):
    if not isinstance(scope, dict):
        raise Wrong("the scope is malformed")
    if scope.get("kind") == "once" and len(scope) == 1:
        return
    if scope.get("kind") != "lease" or not is_object(scope, ["covers", "kind", "limit", "seconds", "uses"]):
        raise Wrong("the scope is malformed")
    numbers = [scope["limit"], scope["seconds"], scope["uses"]]
    if not all(is_integer(number) for number in numbers) or scope["uses"] >= 2**32:
        raise Wrong("the scope is malformed")


def receipt_name(receipt):
    encoded = ("credential_id", "authenticator_data", "client_data_json", "signature")
    order = ["kind", "approver", "credential_id", "request", "authenticator_data", "client_data_json", "signature"]
    members = [b"\x01"]
    members += [base64url(receipt[name]) if name in encoded else receipt[name].encode() for name in order]
    members.append(receipt.get("batch", "").encode())
    return sha256(b"claviger/receipt/v1\x00", *(len(one).to_bytes(8, "big") + one for one in members)).hex()


def cover(request):
    """What a lease for this request covers; None if there is none."""
    try:
        action, plugin = request["action"], request["plugin"]
        if request["effect"] != "read" or action["kind"] != "send":
            return None
        covers = {name: request[name] for name in ("principal", "session", "connection")}
        covers.update({name: plugin[name] for name in ("manifest", "component")})
        covers.update({name: action[name] for name in SENT})
    except (KeyError, TypeError):
        return None
    if request.get("client") is not None:
        covers["client"] = request["client"]
    covers.update({name: action[name] for name in SENT_IF_ANY if action.get(name) not in (None, [], {})})
    names = [covers["connection"], covers["operation"]]
    if not all(isinstance(name, str) and NAME.match(name) for name in names):
        return None
    digests = [covers["manifest"], covers["component"]]
    if not all(isinstance(digest, str) and DIGEST.match(digest) for digest in digests):
        return None
    return write_json(covers)


class Lease:
    def __init__(self, scope, at):
        self.covers, self.seconds = write_json(scope["covers"]), scope["seconds"]
        self.uses, self.used = scope["uses"], {0, 1}
        self.last, self.end = at, at + scope["limit"]


class Proofs:
    def __init__(self, approvers):
        self.approvers, self.questions, self.leases, self.counts = approvers, set(), {}, {}

    def check(self, entry, at, timed):
        proof = entry["proof"]
        if is_object(proof, ["receipts"]) and isinstance(proof["receipts"], list):
            self.receipts(proof["receipts"], entry["request"], at, timed)
        elif is_object(proof, ["lease"]) and is_object(proof["lease"], ["receipt", "use_number"]):
            self.lease(proof["lease"], entry["request"], at, timed)
        else:
            raise Wrong("the proof is neither receipts nor lease")

    def receipts(self, receipts, request, at, timed):
        names = set()
        for receipt in receipts:
            if self.receipt(receipt, request, at, timed) != len(receipts):
                raise Wrong("another number of people had to agree")
            if receipt["approver"] in names:
                raise Wrong("one person agreed twice")
            names.add(receipt["approver"])
        if not names:
            raise Wrong("nobody agreed")

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def receipt(self, receipt, request, at, timed):
        if not (is_object(receipt, RECEIPT) or is_object(receipt, sorted([*RECEIPT, "batch"]))) or receipt["v"] != 1 or receipt["v"] is True:
            raise Wrong("the receipt has other members")
        approver = self.approvers.get(base64url(receipt["credential_id"]))
        if approver is None:
            raise Wrong("the receipt's key is not enrolled")
        if receipt["approver"] != approver.name or receipt["kind"] != approver.kind:
            raise Wrong("the receipt names another approver or kind")
        question = read_question(receipt["request"])
        client, authenticator = base64url(receipt["client_data_json"]), base64url(receipt["authenticator_data"])
        check_client_data(client, challenge(receipt, question), approver)
        check_authenticator_data(authenticator, approver)
        try:
            approver.key.verify(base64url(receipt["signature"]), authenticator + sha256(client), ec.ECDSA(SHA256()))
        except InvalidSignature:
            raise Wrong("the receipt's signature does not verify") from None
        if write_json(question["facts"]) != write_json(request):
            raise Wrong("the receipt is for another request")
        if timed and at > question["expires"] + TOLERANCE:
            raise Wrong("the receipt was used after it had expired")
        digest = sha256(receipt["request"].encode())
        if digest in self.questions:
            raise Wrong("the receipt was used before")
        self.questions.add(digest)
        if question["scope"]["kind"] == "lease":
            self.open(receipt, question["scope"], request, at)
        self.count(approver.kind)
        return question["need"]

    def open(self, receipt, scope, request, at):
        if cover(request) != write_json(scope["covers"]):
            raise Wrong("the lease covers something else than what it was given for")
        self.leases[receipt_name(receipt)] = Lease(scope, at)

    def lease(self, use, request, at, timed):
        lease = self.leases.get(use["receipt"]) if isinstance(use["receipt"], str) else None
        if lease is None:
            raise Wrong("the lease was not given before")
        if cover(request) != lease.covers:
            raise Wrong("the lease does not cover this")
        if timed and at > min(lease.last + lease.seconds, lease.end) + TOLERANCE:
            raise Wrong("the lease had ended")
        number = use["use_number"]
        if not is_integer(number) or number > lease.uses or number in lease.used:
            raise Wrong("this use of the lease was not there")
        lease.used.add(number)
        lease.last = at
        self.count("leased")


# --- sections 2 and 6: entries, one after the other ----------------------------------------------------------------


def read_time(text):
    if not isinstance(text, str) or not TIME.match(text):
        raise Wrong("the time is malformed")
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
    except ValueError:
        raise Wrong("the time is malformed") from None
    seconds = int((moment.replace(microsecond=0) - datetime(1970, 1, 1)).total_seconds())
    if seconds < 0 or text[17:19] > "59":
        raise Wrong("the time is malformed")
    return seconds


def read_line(line):
    if not line.endswith(b"\n") or len(line) > MAX_LINE + 1:
        raise NotJson("the line is not whole")
    try:
        text = line[:-1].decode("utf-8")
    except UnicodeDecodeError:
        raise NotJson("the line is not UTF-8") from None
    entry = canonical(text)
    if not isinstance(entry, dict) or not isinstance(entry.get("kind"), str) or entry["kind"] not in MEMBERS:
        raise Wrong("the entry is of no known kind")
    if sorted(entry) != MEMBERS[entry["kind"]] or entry["v"] != 1 or entry["v"] is True:
        raise Wrong("the entry does not have the members of its kind")
    if not is_integer(entry["index"]):
        raise Wrong("the index is no number")
    return entry


class Walk:
    def __init__(self, head, others, stored, approvers):
        self.size, self.stored = head[0], stored
        self.own, self.heads = head, sorted(others + [head], key=lambda one: one[0])
        self.tree, self.proofs = Tree(), Proofs(approvers)
        self.met, self.last, self.open, self.torn = 0, "", set(), False
        self.hold()

    def hold(self):
        """Step 5."""
        n = self.tree.size
        while self.heads and self.heads[0][0] == n:
            _, root = self.heads.pop(0)
            if root != self.tree.root():
                raise Broken(self.met, f"a checkpoint of {n} entries has another root")
        if n == self.size:
            self.met = n

    def line(self, line):
        n = self.tree.size
        try:
            leaf = sha256(b"\x00", line[:-1] if line.endswith(b"\n") else line)
            if n < self.size and self.stored is not None and self.stored[32 * n : 32 * n + 32] != leaf:
                raise Wrong("not the bytes that the checkpoint covers")
            self.entry(read_line(line))
        except NotJson as error:
            if n >= self.size:
                self.torn = True
                return
            raise Broken(n, str(error)) from None
        except Wrong as error:
            raise Broken(n, str(error)) from None
        self.tree.push(leaf)
        self.hold()

    def entry(self, entry):
        at, timed = read_time(entry["at"]), entry["at"] != self.last
        if entry["index"] != self.tree.size:
            raise Wrong("another entry stands in its place")
        if entry["at"] < self.last:
            raise Wrong("the time runs backwards")
        if entry["kind"] == "intent":
            self.open.add(entry["index"])
        if "intent" in entry:
            if not is_integer(entry["intent"]) or entry["intent"] not in self.open:
                raise Wrong("it closes an intent that is not open")
            self.open.remove(entry["intent"])
        if entry["kind"] == "intent":
            self.proofs.check(entry, at, timed)
        self.last = entry["at"]

    def finish(self):
        if self.heads:
            raise Broken(self.tree.size, f"the log ends before its checkpoint of {self.heads[-1][0]} entries does")


# --- section 1: files ----------------------------------------------------------------------------------------------


def segments(directory):
    later = sorted(name for name in os.listdir(directory) if re.fullmatch(r"log-[0-9]{16}\.jsonl", name))
    return [os.path.join(directory, name) for name in ["log.jsonl", *later]]


def lines(directory):
    """The lines of all segments, read as one file."""
    rest = b""
    for name in segments(directory):
        with open(name, "rb") as file:
            for line in iter(lambda: file.readline(MAX_LINE + 2), b""):
                rest += line
                if rest.endswith(b"\n") or len(rest) > MAX_LINE + 1:
                    yield rest
                    rest = b""
    if rest:
        yield rest


def read_file(*path):
    with open(os.path.join(*path), "rb") as file:
        return file.read()


def authentic(directory, size, root):
    """The leaf hashes, if the checkpoint vouches for them."""
    try:
        stored = read_file(directory, "tree.hashes")
    except FileNotFoundError:
        return None
    if len(stored) < 32 * size:
        return None
    tree = Tree()
    for n in range(size):
        tree.push(stored[32 * n : 32 * n + 32])
    return stored if tree.root() == root else None


def verify(directory, keys, export=False, others=(), cosigned=None, witnesses=()):
    """Verifies one log; returns what it counted or raises Broken."""
    try:
        log, approvers = LogKey(keys["log"]), read_approvers(keys["approvers"].get("approver", []))
        if not os.path.exists(os.path.join(directory, "checkpoint")):
            raise Wrong("there is no checkpoint")
        head = log.open(read_file(directory, "checkpoint")[:MAX_CHECKPOINT])
        heads = [log.open(read_file(other)) for other in [*others, *filter(None, [cosigned])]]
        said = cosignatures(read_file(cosigned), witnesses) if cosigned else []
    except Wrong as error:
        raise Broken(0, str(error)) from None
    walk = Walk(head, heads, authentic(directory, *head), approvers)
    for line in lines(directory):
        walk.line(line)
        if walk.torn:
            break
    walk.finish()
    entries = walk.tree.size
    if export and (walk.torn or entries > head[0]):
        raise Broken(head[0], "an export ends with its checkpoint")
    return {"entries": entries, "covered": head[0], "torn": walk.torn, "open": len(walk.open), "cosigned": said, **walk.proofs.counts}


def follow(path, index, size, leaf):
    """The root that an audit path leads to (section 12)."""
    def go(left, n, start, rest):
        if n == 1:
            if rest:
                raise Wrong("the path is too long")
            return leaf
        if not rest:
            raise Wrong("the path is too short")
        k = 1 << ((n - 1).bit_length() - 1)
        if left < start + k:
            return sha256(b"\x01", go(left, k, start, rest[:-1]), rest[-1])
        return sha256(b"\x01", rest[-1], go(left, n - k, start + k, rest[:-1]))

    return go(index, size, 0, path)


def prove(proof, vkey):
    """Checks a proof of one entry."""
    index = proof.get("index") if isinstance(proof, dict) else None
    try:
        if not is_object(proof, ["checkpoint", "entry", "index", "path", "v"]) or proof["v"] != 1:
            raise Wrong("no proof")
        size, root = LogKey(vkey).open(proof["checkpoint"].encode())
        line = proof["entry"].encode()
        entry = read_line(line + b"\n")
        path = [base64.b64decode(one, validate=True) for one in proof["path"]]
        if not is_integer(index) or not index < size or entry["index"] != index or any(len(one) != 32 for one in path):
            raise Wrong("the proof is of another entry")
        if follow(path, index, size, sha256(b"\x00", line)) != root:
            raise Wrong("the proof does not lead to the checkpoint")
        return {"ok": True, "entries": size}
    except (Wrong, ValueError) as error:
        return {"ok": False, "index": index, "why": str(error)}


def answer(directory, keys, **given):
    try:
        return {"ok": True, **verify(directory, keys, **given)}
    except Broken as broken:
        return {"ok": False, "index": broken.index, "why": broken.why}


def batch():
    cached = {}
    for line in sys.stdin:
        case = json.loads(line)
        path = case["keys"]
        if "proof" in case:
            print(json.dumps(prove(case["proof"], json.loads(read_file(path))["log"])))
            continue
        if path not in cached:
            cached[path] = json.loads(read_file(path))
        given = {name: case[name] for name in ("export", "others", "cosigned", "witnesses") if name in case}
        result = answer(case["directory"], cached[path], **given)
        print(json.dumps({"directory": case["directory"], **result}))


def main():
    import argparse

    parser = argparse.ArgumentParser(description="Verifies an audit log offline.")
    parser.add_argument("directory", nargs="?")
    parser.add_argument("--keys", help="public keys; otherwise those beside the log, which prove less")
    parser.add_argument("--export", action="store_true", help="nothing may follow the checkpoint")
    parser.add_argument("--other", action="append", default=[], help="a checkpoint that was kept elsewhere")
    parser.add_argument("--cosigned", help="a checkpoint that witnesses signed")
    parser.add_argument("--witness", action="append", default=[], help="the public key of a witness that must have signed it")
    parser.add_argument("--batch", action="store_true")
    arguments = parser.parse_args()
    if arguments.batch:
        return batch()
    keys = json.loads(read_file(arguments.keys or os.path.join(arguments.directory, "keys.json")))
    witnesses = [read_file(path).decode() for path in arguments.witness]
    if witnesses and not arguments.cosigned:
        parser.error("--witness needs the checkpoint that it signed: --cosigned")
    given = {"others": arguments.other, "cosigned": arguments.cosigned, "witnesses": witnesses}
    result = answer(arguments.directory, keys, export=arguments.export, **given)
    print(json.dumps(result))
    return sys.exit(0 if result["ok"] and len(result["cosigned"]) == len(witnesses) else 1)


if __name__ == "__main__":
    main()
