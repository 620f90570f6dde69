//! A really signed plugin and a connection to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use claviger_manifest::{Digest, Package, PublisherKey, TrustStore, VerifiedPackage};

use crate::{
    Action, Caller, Connection, Denied, Granted, Lent, Policy, Request, SendRequest, SlotHandle, StoreRequest,
};

const COMPONENT: &[u8] = b"\0asm stand-in";

const MANIFEST: &str = r#"
[plugin]
name = "hypervisor"
version = "1.2.0"
publisher = "example.org/plugins"
component = "@component"

[settings.host]
description = "Host name of the cluster"
[settings.port]
description = "Port"
default = "8006"

[settings.realm]
description = "Realm"
default = "pam"

[secrets.token-id]
reference = "op://MSP/Cluster/token id"
identifier = true
[secrets.token-secret]
[secrets.client-id]
reference = "op://MSP/Market/client id"
[secrets.client-secret]
reference = "op://MSP/Market/client secret"

[slots.new-token]
[slots.password]
generate = { length = 32 }

[endpoints.api]
origin = "https://{host}:{port}"
[endpoints.market]
origin = "https://api.example.com"

[credentials.token]
scheme = "header"
headers = { Authorization = "PVEAPIToken={{token-id}}={{token-secret}}" }
[credentials.fresh]
scheme = "bearer"
token = "new-token"
[credentials.partner]
scheme = "oauth2-client-credentials"
token-endpoint = { endpoint = "market", path = "/v1/token", body = "json" }
client-id = "client-id"
client-secret = "client-secret"

[credentials.password]
scheme = "body"
fields = { "/username" = "{{token-id}}", "/password" = "{{token-secret}}", "/realm" = "{{realm}}", "/new" = true }
[credentials.ticket]
scheme = "session"
login = "log-in"
values = { ticket = { pointer = "/data/ticket" }, csrf = { pointer = "/data/csrf" } }
cookies = { Auth = "{{ticket}}" }
write-headers = { CSRF = "{{csrf}}" }
logout = { operation = "log-out", parameters = { id = "{{ticket}}" } }

[operations.log-in]
endpoint = "api"
credential = "password"
method = "POST"
path = "/api2/json/access/ticket"
effect = "read"
[operations.log-out]
endpoint = "api"
method = "DELETE"
path = "/api2/json/access/ticket/{id}"
effect = "write"
[operations.list-pools]
endpoint = "api"
credential = "ticket"
method = "GET"
path = "/api2/json/pools"
effect = "read"
response = "status"
[operations.get-vm]
endpoint = "api"
credential = "token"
method = "GET"
path = "/api2/json/nodes/{node}/qemu/{vm-id}"
query = ["full", "filter"]
headers = { Accept = "application/json" }
effect = "read"
response-headers = ["Retry-After"]
[operations.whoami]
endpoint = "api"
credential = "fresh"
method = "GET"
path = "/"
effect = "read"
[operations.list-orders]
endpoint = "market"
credential = "partner"
method = "GET"
path = "/v1/orders"
effect = "read"
[operations.ping]
endpoint = "market"
method = "GET"
path = "/ping"
effect = "read"
[operations.set-password]
description = "Sets a password"
endpoint = "api"
credential = "token"
method = "PUT"
path = "/api2/json/access/password"
body = ["/userid", "/groups/*/name", "/note"]
lend = { password = "/password" }
effect = "write"
[operations.make-token]
endpoint = "api"
credential = "token"
method = "POST"
path = "/api2/json/access/tokens/{token}"
body = ["/comment", "/expire"]
body-type = "form"
effect = "mint"
capture = { new-token = { pointer = "/data/value" } }
strip = ["/data/info"]
[operations.drop-token]
endpoint = "api"
credential = "token"
method = "DELETE"
path = "/api2/json/access/tokens/{token}"
effect = "destroy"

[write-back.token]
description = "The rotated token"
title = "{connection} api token {stamp}"
fields = [{ field = "token", slot = "new-token" }, { field = "password", slot = "password" }]

[tools.everything]
description = "All of it"
operations = ["list-pools", "get-vm", "whoami", "list-orders", "ping", "set-password", "make-token", "drop-token"]
write-back = ["token"]
effect = "mint"
input = "schemas/any.json"
[tools.look]
description = "Looks only"
operations = ["get-vm"]
effect = "read"
input = "schemas/any.json"

[limits]
request = "1KiB"
response = "2KiB"
"#;

/// A connection that allows everything to one principal.
pub(crate) const CONNECTION: &str = r#"
plugin = "hypervisor"
client = "Acme"

[settings]
host = "pve.example.org"

[secrets]
token-secret = "op://Acme/Cluster/token secret"

[write-back]
token = "Acme"

[endpoints.api]
connect = "127.0.0.1:18006"
ca = "-----BEGIN CERTIFICATE-----"

[grant]
principals = ["ada"]
operations = ["list-pools", "get-vm", "whoami", "list-orders", "ping", "set-password", "make-token", "drop-token"]
write-back = ["token"]
networks = ["127.0.0.0/8"]
"#;

/// The plugin, signed with a key that the trust store has.
pub(crate) fn package() -> Arc<VerifiedPackage> {
    let key = PublisherKey::generate("example.org/plugins", [5; 32]).unwrap();
    let mut trust = TrustStore::default();
    trust.add_key(&key.vkey()).unwrap();
    let manifest = MANIFEST.replace("@component", &Digest::of(COMPONENT).to_string());
    let schemas = BTreeMap::from([("schemas/any.json".to_owned(), b"{}".to_vec())]);
    let signature = key.sign(&manifest, COMPONENT, &schemas).unwrap();
    Arc::new(Package { manifest, component: COMPONENT.to_vec(), schemas, signature }.verify(&trust).unwrap())
}

/// A policy with the connection `pve-acme`, some texts of its file replaced.
pub(crate) fn policy(replaced: &[(&str, &str)]) -> Policy {
    let text = replaced.iter().fold(CONNECTION.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    let mut policy = Policy::default();
    policy.add("pve-acme".parse().unwrap(), Connection::parse(&text).unwrap(), package()).unwrap();
    policy
}

pub(crate) fn caller(tool: &str) -> Caller {
    Caller {
        principal: "ada".to_owned(),
        session: "s-1".to_owned(),
        connection: "pve-acme".parse().unwrap(),
        tool: tool.parse().unwrap(),
    }
}

/// A request with the credential that the operation takes.
pub(crate) fn send(operation: &str, credential: Option<&str>) -> SendRequest {
    SendRequest {
        operation: operation.to_owned(),
        parameters: Vec::new(),
        body: None,
        credential: credential.map(str::to_owned),
        lent: Vec::new(),
    }
}

pub(crate) fn get_vm(node: &str, vm: &str) -> SendRequest {
    let parameters = vec![("node".to_owned(), node.to_owned()), ("vm-id".to_owned(), vm.to_owned())];
    SendRequest { parameters, ..send("get-vm", Some("token")) }
}

pub(crate) fn set_password(body: &str) -> SendRequest {
    SendRequest { body: Some(body.as_bytes().to_vec()), ..send("set-password", Some("token")) }
}

pub(crate) fn make_token(body: Option<&str>) -> SendRequest {
    SendRequest {
        parameters: vec![("token".to_owned(), "root@pam!ci".to_owned())],
        body: body.map(|text| text.as_bytes().to_vec()),
        ..send("make-token", Some("token"))
    }
}

pub(crate) fn value(slot: &str, id: u32) -> SlotHandle {
    SlotHandle { slot: slot.parse().unwrap(), id }
}

pub(crate) fn lent(site: &str, slot: &str) -> Lent {
    Lent { site: site.to_owned(), value: value(slot, 0) }
}

pub(crate) fn store(rule: &str, values: Vec<SlotHandle>) -> StoreRequest {
    StoreRequest { write_back: rule.to_owned(), values, stamp: "2031-05-06 070809".to_owned() }
}

pub(crate) fn check_send(policy: &Policy, send: SendRequest) -> Result<Granted, Denied> {
    policy.check(Request { caller: caller("everything"), action: Action::Send(send) })
}

pub(crate) fn check_store(policy: &Policy, store: StoreRequest) -> Result<Granted, Denied> {
    policy.check(Request { caller: caller("everything"), action: Action::Store(store) })
}
