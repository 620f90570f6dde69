//! What the plugin of these benches declares, and what it is granted.

use std::collections::BTreeMap;
use std::sync::Arc;

use claviger_grant::{Connection, Policy};
use claviger_manifest::{Digest, Name, Package, PublisherKey, TrustStore};

const COMPONENT: &[u8] = b"\0asm, for the digest's sake";

pub(crate) fn policy() -> Policy {
    let manifest = format!(
        r#"
[plugin]
name = "demo"
version = "1.0.0"
publisher = "acme"
component = "{}"

[secrets.key]
reference = "op://MSP/Demo/key"

[endpoints.api]
origin = "https://api.example.com"

[credentials.token]
scheme = "bearer"
token = "key"

[operations.show]
endpoint = "api"
credential = "token"
method = "GET"
path = "/v1/things/{{id}}"
effect = "read"

[operations.rename]
endpoint = "api"
credential = "token"
method = "PUT"
path = "/v1/things/{{id}}"
body = ["/name"]
effect = "write"

[tools.things]
description = "Things"
operations = ["show", "rename"]
effect = "write"
input = "schemas/things.json"
"#,
        Digest::of(COMPONENT)
    );
    let schemas = BTreeMap::from([("schemas/things.json".to_owned(), b"{}".to_vec())]);
    let publisher = PublisherKey::generate("acme", [0x22; 32]).unwrap();
    let signature = publisher.sign(&manifest, COMPONENT, &schemas).unwrap();
    let mut trust = TrustStore::default();
    trust.add_key(&publisher.vkey()).unwrap();
    let package = Package { manifest, component: COMPONENT.to_vec(), schemas, signature };
    let package = Arc::new(package.verify(&trust).unwrap());
    let connection = Connection::parse(
        "plugin = \"demo\"\nclient = \"Acme\"\n[grant]\nprincipals = [\"robin@msp.example\"]\noperations = [\"show\", \"rename\"]\n",
    )
    .unwrap();
    let mut policy = Policy::default();
    let name: Name = "acme".parse().unwrap();
    policy.add(name, connection, package).unwrap();
    policy
}
