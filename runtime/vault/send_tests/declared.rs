//! What the plugin of these tests declares: every scheme, and operations that place, lend, capture, strip and project.

/// `@` marks what a test fills in: the digest of the component, the scheme of the endpoints.
pub(super) const MANIFEST: &str = r#"
[plugin]
name = "demo"
version = "1.0.0"
publisher = "acme"
component = "@component"

[settings.host]
description = "Host"
[settings.port]
description = "Port"
[settings.mint-port]
description = "Port of the token endpoint"

[secrets.key]
reference = "op://MSP/Site/key"
[secrets.client-id]
reference = "op://MSP/Site/client id"
[secrets.client-secret]
reference = "op://MSP/Site/client secret"
[secrets.company]
reference = "op://MSP/Site/company"
identifier = true
[secrets.public]
reference = "op://MSP/Site/public"
[secrets.private]
reference = "op://MSP/Site/private"

[slots.minted]
description = "A token that the site makes"
[slots.session]
description = "A session"
[slots.password]
generate = { length = 32, alphabet = "password" }

[endpoints.api]
origin = "@scheme://{host}:{port}"
[endpoints.mint]
origin = "@scheme://{host}:{mint-port}"

[credentials.bearer]
scheme = "bearer"
token = "key"
[credentials.template]
scheme = "header"
headers = { Authorization = "PVEAPIToken={{public}}={{key}}", clientId = "{{client-id}}" }
[credentials.basic]
scheme = "basic"
username = "{{company}}+{{public}}"
password = "{{private}}"
[credentials.query]
scheme = "query"
parameter = "api_key"
value = "{{client-secret}}"
[credentials.fresh]
scheme = "bearer"
token = "minted"
[credentials.partner]
scheme = "oauth2-client-credentials"
token-endpoint = { endpoint = "mint", path = "/v1/token", body = "json" }
client-id = "client-id"
client-secret = "client-secret"
audience = "https://api.example.com"
[credentials.partner-basic]
scheme = "oauth2-client-credentials"
token-endpoint = { endpoint = "mint", path = "/v1/token", body = "form" }
client-id = "client-id"
client-secret = "client-secret"
scope = "read write"
client-authentication = "basic"

[credentials.in-body]
scheme = "body"
fields = { "/auth/key" = "{{key}}", "/auth/user" = "{{host}}/{{company}}", "/auth/methods" = ["password"] }
[credentials.in-form]
scheme = "body"
fields = { "/key" = "{{key}}", "/grant" = "password" }
[credentials.named]
scheme = "basic"
username = "{{company}}"
password = "{{private}}"

[operations.post-key]
endpoint = "api"
credential = "in-body"
method = "POST"
path = "/v1/log-in"
body = ["/note", "/auth/hint"]
effect = "write"
[operations.post-form]
endpoint = "api"
credential = "in-form"
method = "POST"
path = "/v1/log-in"
body-type = "form"
effect = "write"
[operations.count]
endpoint = "api"
credentials = ["bearer", "named"]
method = "GET"
path = "/v1/count"
effect = "read"
projection = { "/data/*/id" = "integer", "/state" = ["up", "down"] }
[operations.knock]
endpoint = "api"
credentials = ["bearer", "named"]
method = "GET"
path = "/v1/knock"
effect = "read"
response = "status"
response-headers = ["Retry-After"]
[operations.whole]
endpoint = "api"
credentials = ["bearer", "named"]
method = "GET"
path = "/v1/whole"
effect = "read"
[operations.show]
endpoint = "api"
credentials = ["bearer", "template", "basic", "query", "fresh", "partner", "partner-basic"]
method = "GET"
path = "/v1/things/{id}"
query = ["page"]
headers = { Accept = "application/json" }
effect = "read"
response-headers = ["Link", "Retry-After"]
[operations.open]
endpoint = "api"
method = "GET"
path = "/v1/open"
effect = "read"
[operations.change]
endpoint = "api"
credential = "bearer"
method = "PUT"
path = "/v1/things/{id}"
body = ["/name", "/user/mail"]
lend = { password = "/user/password" }
effect = "write"
[operations.change-form]
endpoint = "api"
credential = "bearer"
method = "POST"
path = "/v1/form"
body = ["/name"]
body-type = "form"
lend = { password = "/pass word" }
effect = "write"
[operations.make]
endpoint = "api"
credential = "bearer"
method = "POST"
path = "/v1/tokens"
body = ["/comment"]
effect = "mint"
capture = { minted = { pointer = "/data/value" }, session = { header = "X-Session" } }
strip = ["/data/echo"]
[operations.make-one]
endpoint = "api"
credential = "bearer"
method = "POST"
path = "/v1/tokens"
effect = "mint"
capture = { minted = { pointer = "/data/value" } }
strip = ["/data/echo"]

[write-back.token]
title = "{connection} token {stamp}"
fields = [{ field = "secret", slot = "minted" }]

[tools.things]
description = "Things"
operations = ["post-key", "post-form", "count", "knock", "whole", "show", "open", "change", "change-form", "make", "make-one"]
write-back = ["token"]
effect = "mint"
input = "schemas/things.json"

[limits]
response = "64KiB"
"#;
