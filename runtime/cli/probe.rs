//! `claviger probe`: does an upstream echo what it is given, and which lines of the manifest would take that out?

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use claviger_grant::{Caller, ProbeUpstream, SendRequest};
use claviger_manifest::{Manifest, Name};
use claviger_pipeline::Hallway;
use claviger_vault::{Answer, Echo, Place, Probed, Spelling};
use serde_json::json;

use crate::arguments::Probe;
use crate::error::{Code, Failure, code_of};
use crate::output::Output;
use crate::state::State;
use crate::{open, state};

/// Sends one operation with canaries and tells where they came back. It is approved and logged like every request.
pub(crate) fn run(state: &State, identity: Option<&Path>, probe: &Probe) -> Result<Output, Failure> {
    let config = state.config()?;
    let upstream = upstream(probe)?;
    crate::block_on(async {
        let (hallway, web) = open::hallway(state, identity, &probe.connection).await?;
        let reported = send(&hallway, config.principal, probe, &upstream).await;
        crate::web::close(web).await;
        reported
    })?
}

async fn send(
    hallway: &Arc<Hallway>,
    principal: String,
    probe: &Probe,
    upstream: &ProbeUpstream,
) -> Result<Output, Failure> {
    let package = hallway.policy().package(&probe.connection).cloned().ok_or_else(|| unknown(probe))?;
    let manifest = package.manifest();
    let tool = manifest.tools.iter().find(|(_, tool)| tool.operations.contains(&probe.operation));
    let (tool, _) = tool.ok_or_else(|| unknown(probe))?;
    let caller = Caller {
        principal,
        session: format!("cli-{}", std::process::id()),
        connection: probe.connection.clone(),
        tool: tool.clone(),
    };
    let answer = hallway.begin(caller).probe(request(manifest, probe)?, upstream).await;
    crate::ending::close(hallway).await;
    match answer.map_err(|refusal| Failure::new(code_of(refusal.reason), &refusal.detail))? {
        Answer::Probed(probed) => report(&probe.operation, &probed),
        _ => Err(Failure::new(Code::Failed, "a probe was answered with something else; this is a defect")),
    }
}

fn unknown(probe: &Probe) -> Failure {
    Failure::new(
        Code::Denied,
        format!(
            "no tool of {}'s plugin has an operation {}; `claviger plugin inspect` lists them",
            probe.connection, probe.operation
        ),
    )
}

fn upstream(probe: &Probe) -> Result<ProbeUpstream, Failure> {
    let origin = probe.upstream.render(&BTreeMap::new()).map_err(Failure::usage)?;
    let ca = probe.ca.as_deref().map(state::read).transpose()?;
    Ok(ProbeUpstream { origin, ca })
}

fn request(manifest: &Manifest, probe: &Probe) -> Result<SendRequest, Failure> {
    let credentials = manifest.operations.get(&probe.operation).map_or(&[][..], |operation| &operation.credentials);
    let credential = match (&probe.credential, credentials) {
        (Some(named), _) => Some(named.to_string()),
        (None, []) => None,
        (None, [only]) => Some(only.to_string()),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(Name::as_str).collect();
            return Err(Failure::usage(format!("name one with --credential: {}", names.join(", "))));
        }
    };
    Ok(SendRequest {
        operation: probe.operation.to_string(),
        parameters: probe.parameters.clone(),
        body: probe.body.as_ref().map(|text| text.as_bytes().to_vec()),
        credential,
        lent: Vec::new(),
    })
}

fn report(operation: &Name, probed: &Probed) -> Result<Output, Failure> {
    let echoes: Vec<(&Name, &Echo)> =
        probed.echoes.iter().flat_map(|(secret, echoes)| echoes.iter().map(move |echo| (secret, echo))).collect();
    let mut text = format!("the upstream answered {}\n", probed.status);
    for (secret, echo) in &echoes {
        text.push_str(&format!("  {secret} comes back {}, {}\n", place(&echo.place), echo.spelling));
    }
    let lines = lines(echoes.iter().map(|(_, echo)| *echo));
    let stuck = echoes.iter().any(|(_, echo)| is_stuck(echo));
    if echoes.is_empty() {
        text.push_str("nothing that was sent came back\n");
    } else {
        text.push_str("\nan answer that holds a secret is dropped, and the secret quarantined\n");
    }
    if !lines.is_empty() {
        text.push_str(&format!(
            "to take that out of the answer first, add to the manifest:\n\n[operations.{operation}]\n"
        ));
        lines.iter().for_each(|line| text.push_str(&format!("{line}\n")));
    }
    if stuck {
        text.push_str(
            "\nno rule takes it out where it is neither a JSON string nor a header; do not use this operation\n",
        );
    }
    let shown = echoes.iter().map(|(secret, echo)| {
        json!({ "secret": secret, "place": place(&echo.place), "spelling": echo.spelling.to_string() })
    });
    let document = json!({ "status": probed.status, "echoes": shown.collect::<Vec<_>>(), "manifest": lines,
        "usable": !stuck });
    Output::new(text, &document)
}

fn place(place: &Place) -> String {
    match place {
        Place::Reason => "in the words behind the status".to_owned(),
        Place::Header(name) => format!("in header {name}"),
        Place::HeaderName => "in the name of a header".to_owned(),
        Place::Pointer(pointer) => format!("at {pointer:?} of the body"),
        Place::Field(pointer) => format!("in the name of a field of {pointer:?} of the body"),
        Place::Body => "in the body".to_owned(),
    }
}

/// Whether no rule can take it out. That the body came compressed is told beside where in it the echo is.
fn is_stuck(echo: &Echo) -> bool {
    match &echo.place {
        Place::Body if echo.spelling == Spelling::Compressed => false,
        Place::Pointer(pointer) => pointer.is_empty(),
        Place::Header(_) => false,
        Place::Reason | Place::HeaderName | Place::Field(_) | Place::Body => true,
    }
}

/// The lines that take echoes out. What stands in one element of a list may stand in all of them.
fn lines<'a>(echoes: impl Iterator<Item = &'a Echo>) -> Vec<String> {
    let (mut pointers, mut headers) = (BTreeSet::new(), BTreeSet::new());
    for echo in echoes {
        match &echo.place {
            Place::Pointer(pointer) if !pointer.is_empty() => drop(pointers.insert(pattern(pointer))),
            Place::Header(name) => drop(headers.insert(name.clone())),
            _ => {}
        }
    }
    let line = |key: &str, names: BTreeSet<String>| {
        let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        (!quoted.is_empty()).then(|| format!("{key} = [{}]", quoted.join(", ")))
    };
    [line("strip", pointers), line("strip-headers", headers)].into_iter().flatten().collect()
}

fn pattern(pointer: &str) -> String {
    let index = |token: &str| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
    let tokens = pointer.split('/').map(|token| if index(token) { "*" } else { token });
    tokens.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_vault::{Echo, Place, Probed, Spelling};

    use super::{lines, report};

    fn echo(place: Place) -> Echo {
        Echo { place, spelling: Spelling::Raw }
    }

    fn at(pointer: &str) -> Echo {
        echo(Place::Pointer(pointer.to_owned()))
    }

    #[test]
    fn rules_name_each_place_once_and_every_element_of_a_list() {
        let echoes =
            [at("/items/0/url"), at("/items/17/url"), at("/next"), echo(Place::Header("link".to_owned())), at("")];
        assert_eq!(lines(echoes.iter()), ["strip = [\"/items/*/url\", \"/next\"]", "strip-headers = [\"link\"]"]);
    }

    #[test]
    fn what_no_rule_takes_out_is_said() {
        let operation = "list".parse().unwrap();
        let told = |echoes| {
            report(&operation, &Probed { status: 401, echoes: vec![("key".parse().unwrap(), echoes)] }).unwrap()
        };
        let clean = told(Vec::new());
        assert!(clean.text.contains("answered 401\nnothing that was sent came back"), "{}", clean.text);
        let usable = told(vec![at("/next")]);
        assert!(usable.text.contains("[operations.list]\nstrip = [\"/next\"]\n"), "{}", usable.text);
        assert_eq!(usable.json.get("usable").unwrap(), true);
        let stuck = told(vec![echo(Place::Body), at("/next")]);
        assert!(stuck.text.contains("do not use this operation"), "{}", stuck.text);
        assert_eq!(stuck.json.get("usable").unwrap(), false);
    }
}
