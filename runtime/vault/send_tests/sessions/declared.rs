//! What the manifest says of five vendors' sessions.

/// The sessions of five vendors. `typed` lets nothing through that could say whether a guess is right.
pub(super) const MORE: &str = r#"
[settings.user]
description = "User"
default = "root@pam"

[credentials.form]
scheme = "body"
fields = { "/username" = "{{user}}", "/password" = "{{key}}" }
[credentials.nested]
scheme = "body"
[credentials.nested.fields]
"/auth/identity/methods" = ["password"]
"/auth/identity/password/user/name" = "{{user}}"
"/auth/identity/password/user/domain/id" = "default"
"/auth/identity/password/user/password" = "{{key}}"
[credentials.pair]
scheme = "basic"
username = "{{user}}"
password = "{{key}}"

[credentials.pve]
scheme = "session"
login = "pve-in"
lifetime = "120m"
cookies = { PVEAuthCookie = "{{ticket}}" }
write-headers = { CSRFPreventionToken = "{{csrf}}" }
values = { ticket = { pointer = "/data/ticket" }, csrf = { pointer = "/data/CSRFPreventionToken" } }
[credentials.vcenter]
scheme = "session"
login = "vcenter-in"
headers = { vmware-api-session-id = "{{sid}}" }
values = { sid = { pointer = "" } }
logout = { operation = "vcenter-out" }
[credentials.keystone]
scheme = "session"
login = "keystone-in"
lifetime = { until = "/token/expires_at" }
headers = { x-auth-token = "{{subject}}" }
values = { subject = { header = "X-Subject-Token" } }
logout = { operation = "keystone-out", headers = { x-subject-token = "{{subject}}" } }
[credentials.web]
scheme = "session"
login = "web-in"
login-status = [302]
cookies = { RT_SID = "{{sid}}" }
values = { sid = { cookie = "RT_SID" } }
[credentials.bmc]
scheme = "session"
login = "bmc-in"
lifetime = { seconds = "/life" }
headers = { x-auth-token = "{{token}}", x-site = "{{public}}" }
values = { token = { header = "X-Auth-Token" }, id = { pointer = "/Id" } }
logout = { operation = "bmc-out", parameters = { id = "{{id}}" } }

[operations.pve-in]
endpoint = "api"
credential = "form"
method = "POST"
path = "/pve/ticket"
body-type = "form"
effect = "read"
[operations.vcenter-in]
endpoint = "api"
credential = "pair"
method = "POST"
path = "/vcenter/session"
effect = "read"
[operations.vcenter-out]
endpoint = "api"
method = "DELETE"
path = "/vcenter/session"
effect = "write"
[operations.keystone-in]
endpoint = "api"
credential = "nested"
method = "POST"
path = "/keystone/tokens"
effect = "read"
[operations.keystone-out]
endpoint = "api"
method = "DELETE"
path = "/keystone/tokens"
effect = "write"
[operations.web-in]
endpoint = "api"
credential = "form"
method = "POST"
path = "/web/log-in"
body-type = "form"
effect = "read"
[operations.bmc-in]
endpoint = "api"
credential = "form"
method = "POST"
path = "/bmc/sessions"
effect = "read"
[operations.bmc-out]
endpoint = "api"
method = "DELETE"
path = "/bmc/sessions/{id}"
effect = "write"

[operations.read]
endpoint = "api"
credentials = ["pve", "vcenter", "keystone", "web", "bmc"]
method = "GET"
path = "/read"
effect = "read"
[operations.typed]
endpoint = "api"
credentials = ["pve", "vcenter", "keystone", "web", "bmc"]
method = "GET"
path = "/read"
effect = "read"
projection = { "/n" = "integer" }
[operations.write]
endpoint = "api"
credentials = ["pve", "vcenter", "keystone", "web", "bmc"]
method = "POST"
path = "/write"
body = ["/x"]
effect = "write"

[tools.more]
description = "Sessions"
operations = ["read", "typed", "write"]
effect = "write"
input = "schemas/things.json"
"#;
