//! The five wire formats. Sources: `pve-access-control` and `pve-http-server`; VMware's Automation API reference
//! (`/api/session`); DSP0266 §13.3.4; the Identity API v3 reference; RT's `Auth` documentation.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::{HeaderName, Method, StatusCode, header};
use serde_json::{Value, json};

use super::{Sessions, cookie, form};
use crate::asked::Asked;
use crate::reply::{Reply, empty, json as answer, with};

fn refused(status: StatusCode) -> Reply {
    answer(status, &json!({ "error": status.as_str() }))
}

fn body(asked: &Asked) -> Value {
    serde_json::from_slice(&asked.body).unwrap_or_default()
}

impl Sessions {
    /// A ticket holds its user; without the token against cross-site requests nothing is written, and reading needs none.
    pub(super) async fn proxmox(&self, asked: &Asked) -> Reply {
        if asked.method == Method::POST && asked.path == "/api2/json/access/ticket" {
            let given = form(asked);
            let expected = [("password", &self.config.password), ("username", &self.config.user)];
            let right = given.len() == 2 && expected.iter().all(|(name, value)| given.get(*name) == Some(*value));
            return match self.log_in(right).await {
                Ok(open) => {
                    let data = json!({ "ticket": open.token, "CSRFPreventionToken": open.csrf,
                        "username": self.config.user });
                    answer(StatusCode::OK, &json!({ "data": data }))
                }
                Err(status) => refused(status),
            };
        }
        // A token in `Authorization` beside the cookie would be ignored, and hides a mistake.
        let Some(open) = self.known(cookie(asked, "PVEAuthCookie")).filter(|_| asked.header("authorization").is_none())
        else {
            return refused(StatusCode::UNAUTHORIZED);
        };
        let reads = asked.method == Method::GET;
        match (reads, asked.header("csrfpreventiontoken")) {
            (true, None) => answer(StatusCode::OK, &json!({ "data": [{ "node": "pve1" }] })),
            (false, Some(csrf)) if csrf == open.csrf => answer(StatusCode::OK, &json!({ "data": null })),
            _ => refused(StatusCode::UNAUTHORIZED),
        }
    }

    /// The answer to the log-in is one JSON string.
    pub(super) async fn vcenter(&self, asked: &Asked) -> Reply {
        let known = self.known(asked.header("vmware-api-session-id"));
        match (&asked.method, asked.path.as_str(), known) {
            (&Method::POST, "/api/session", None) => {
                let pair = BASE64_STANDARD.encode(format!("{}:{}", self.config.user, self.config.password));
                match self.log_in(asked.header("authorization") == Some(format!("Basic {pair}").as_str())).await {
                    Ok(open) => answer(StatusCode::CREATED, &json!(open.token)),
                    Err(status) => refused(status),
                }
            }
            (&Method::DELETE, "/api/session", Some(open)) => self.log_out(&open, StatusCode::NO_CONTENT).await,
            (&Method::GET, "/api/vcenter/vm", Some(_)) => answer(StatusCode::OK, &json!([{ "vm": "vm-1" }])),
            _ => refused(StatusCode::UNAUTHORIZED),
        }
    }

    /// The session's number is in the answer, in `Location`, and in the list that everybody may read.
    pub(super) async fn redfish(&self, asked: &Asked) -> Reply {
        const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";
        if asked.method == Method::POST && asked.path == SESSIONS {
            let right = json!({ "UserName": self.config.user, "Password": self.config.password });
            return match self.log_in(body(asked) == right).await {
                Ok(open) => {
                    let place = format!("{SESSIONS}/{}", open.id);
                    let told = json!({ "@odata.id": place, "Id": open.id.to_string(), "Name": "User Session",
                        "UserName": self.config.user });
                    let made = answer(StatusCode::CREATED, &told);
                    let made = with(made, HeaderName::from_static("x-auth-token"), &open.token);
                    with(made, header::LOCATION, &place)
                }
                Err(status) => refused(status),
            };
        }
        let Some(open) = self.known(asked.header("x-auth-token")) else { return refused(StatusCode::UNAUTHORIZED) };
        let named = asked.path.strip_prefix(SESSIONS).and_then(|rest| rest.strip_prefix('/'));
        match (&asked.method, asked.path.as_str(), named) {
            (&Method::DELETE, _, Some(id)) if id == open.id.to_string() => {
                self.log_out(&open, StatusCode::NO_CONTENT).await
            }
            (&Method::GET, "/redfish/v1/Systems", _) => {
                let own = json!({ "@odata.id": format!("{SESSIONS}/{}", open.id) });
                answer(
                    StatusCode::OK,
                    &json!({ "Members": [{ "@odata.id": "/redfish/v1/Systems/1" }], "Session": own }),
                )
            }
            _ => refused(StatusCode::NOT_FOUND),
        }
    }

    /// Whoever revokes a token shows one and names one.
    pub(super) async fn keystone(&self, asked: &Asked) -> Reply {
        const TOKENS: &str = "/v3/auth/tokens";
        if asked.method == Method::POST && asked.path == TOKENS {
            let user = json!({ "name": self.config.user, "domain": { "id": "default" },
                "password": self.config.password });
            let right = json!({ "auth": { "identity": { "methods": ["password"], "password": { "user": user } } } });
            return match self.log_in(body(asked) == right).await {
                Ok(open) => {
                    let told =
                        json!({ "token": { "methods": ["password"], "expires_at": "2125-01-01T00:00:00.000000Z" } });
                    with(answer(StatusCode::CREATED, &told), HeaderName::from_static("x-subject-token"), &open.token)
                }
                Err(status) => refused(status),
            };
        }
        if self.known(asked.header("x-auth-token")).is_none() {
            return refused(StatusCode::UNAUTHORIZED);
        }
        match (&asked.method, asked.path.as_str(), self.known(asked.header("x-subject-token"))) {
            (&Method::DELETE, TOKENS, Some(open)) => self.log_out(&open, StatusCode::NO_CONTENT).await,
            (&Method::GET, "/v3/projects", None) => answer(StatusCode::OK, &json!({ "projects": [] })),
            _ => refused(StatusCode::NOT_FOUND),
        }
    }

    /// A browser's log-in: it redirects, whether it let somebody in or not, and the cookie tells.
    pub(super) async fn form(&self, asked: &Asked) -> Reply {
        let known = self.known(cookie(asked, "RT_SID"));
        match (&asked.method, asked.path.as_str(), known) {
            (&Method::POST, "/NoAuth/Login.html", None) => {
                let given = form(asked);
                let named = |name: &str, value: &str| given.get(name).is_some_and(|given| given == value);
                match self.log_in(named("user", &self.config.user) && named("pass", &self.config.password)).await {
                    Ok(open) => {
                        let home = with(empty(StatusCode::FOUND), header::LOCATION, "/");
                        let cookie = format!("RT_SID={}; path=/; secure; HttpOnly", open.token);
                        with(home, header::SET_COOKIE, &cookie)
                    }
                    Err(status) => refused(status),
                }
            }
            (&Method::GET, "/NoAuth/Logout.html", Some(open)) => self.log_out(&open, StatusCode::OK).await,
            (&Method::GET, "/REST/2.0/rt", Some(_)) => answer(StatusCode::OK, &json!({ "Version": "5.0.7" })),
            _ => refused(StatusCode::UNAUTHORIZED),
        }
    }
}
