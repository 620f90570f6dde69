//! A manifest that uses every part of the format, and a package that is really signed.

use std::collections::BTreeMap;

use crate::{Digest, Manifest, Package, PublisherKey, TrustStore};

/// What stands in for a component: this room reads none.
pub(crate) const COMPONENT: &[u8] = b"\0asm stand-in";

/// A value that must never come back in an error text.
pub(crate) const CANARY: &str = "Vq7ZrX2kT9nLwB4p";

const MANIFEST: &str = r#"
[plugin]
name = "hypervisor"
version = "1.2.0"
publisher = "example.org/plugins"
component = "@component"
description = "Virtual machines"

[settings.host]
description = "Host name of the cluster"
[settings.port]
description = "Port of the cluster"
default = "8006"

[secrets.token-id]
reference = "op://MSP/Cluster/token id"
[secrets.token-secret]
description = "The secret half of the token"
[secrets.client-id]
reference = "op://MSP/Market/client id"
[secrets.client-secret]
reference = "op://MSP/Market/client secret"

[slots.new-token]
description = "The token that a rotation makes"
[slots.password]
generate = { length = 32, alphabet = "password" }

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
[credentials.basic]
scheme = "basic"
username = "{{client-id}}+{{token-id}}"
password = "{{token-secret}}"
headers = { clientId = "{{client-id}}" }
[credentials.key]
scheme = "query"
parameter = "api_key"
value = "{{client-secret}}"
[credentials.partner]
scheme = "oauth2-client-credentials"
token-endpoint = { endpoint = "market", path = "/v1/token", body = "json" }
client-id = "client-id"
client-secret = "client-secret"
audience = "https://api.example.com"

[operations.list-nodes]
endpoint = "api"
credentials = ["token", "basic"]
method = "GET"
path = "/api2/json/nodes/{node}"
query = ["full", "$filter"]
headers = { Accept = "application/json" }
effect = "read"
response-headers = ["Link"]
[operations.market]
endpoint = "market"
credential = "key"
method = "GET"
path = "/"
query = ["page"]
effect = "read"
[operations.set-password]
endpoint = "api"
credential = "token"
method = "PUT"
path = "/api2/json/access/password"
body = ["/userid", "/groups/*/name"]
lend = { password = "/password" }
effect = "write"
[operations.make-token]
endpoint = "api"
credential = "token"
method = "POST"
path = "/api2/json/access/tokens/{token}"
body = ["/comment"]
body-type = "form"
effect = "mint"
capture = { new-token = { pointer = "/data/value" } }
strip = ["/data/info"]

[write-back.token]
description = "The rotated token"
title = "{connection} api token {stamp}"
fields = [{ field = "token", slot = "new-token" }, { field = "password", slot = "password" }]

[tools.list_nodes]
description = "The nodes of a cluster"
operations = ["list-nodes", "market"]
effect = "read"
input = "schemas/list_nodes.input.json"
output = "schemas/list_nodes.output.json"
[tools.rotate]
description = "Makes a new token"
operations = ["make-token", "set-password"]
write-back = ["token"]
effect = "mint"
input = "schemas/rotate.input.json"

[limits]
memory = "32MiB"
deadline = "500ms"
"#;

/// The manifest's text.
pub(crate) fn manifest() -> String {
    MANIFEST.replace("@component", &Digest::of(COMPONENT).to_string())
}

/// The manifest's text with one place changed.
pub(crate) fn edited(from: &str, to: &str) -> String {
    let text = manifest();
    assert_eq!(text.matches(from).count(), 1, "{from} must stand in the manifest exactly once");
    text.replace(from, to)
}

/// The error text of the manifest with one place changed.
pub(crate) fn error_of(from: &str, to: &str) -> String {
    match Manifest::parse(&edited(from, to)) {
        Ok(_) => unreachable!("{to} was accepted"),
        Err(error) => error.to_string(),
    }
}

pub(crate) fn key() -> PublisherKey {
    PublisherKey::generate("example.org/plugins", [7; 32]).unwrap()
}

pub(crate) fn trust(keys: &[&PublisherKey]) -> TrustStore {
    let mut store = TrustStore::default();
    keys.iter().for_each(|key| store.add_key(&key.vkey()).unwrap());
    store
}

pub(crate) fn schemas() -> BTreeMap<String, Vec<u8>> {
    let named = ["list_nodes.input", "list_nodes.output", "rotate.input"];
    named.iter().map(|name| (format!("schemas/{name}.json"), name.as_bytes().to_vec())).collect()
}

/// The package, signed with [`key`].
pub(crate) fn package() -> Package {
    signed(manifest(), schemas())
}

pub(crate) fn signed(manifest: String, schemas: BTreeMap<String, Vec<u8>>) -> Package {
    let signature = key().sign(&manifest, COMPONENT, &schemas).unwrap();
    Package { manifest, component: COMPONENT.to_vec(), schemas, signature }
}
