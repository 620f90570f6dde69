//! API tokens of Proxmox: what one is like, and what its successor has to be like.

use claviger_plugin_sdk::prelude::*;
use claviger_plugin_sdk::{Failure, Scalar};

/// How long a successor has to live at least, in seconds. A shorter life would end before anyone has bound the new
/// references, and the rotation would have locked everybody out.
const SHORTEST_LIFE: u64 = 24 * 3_600;

/// What Proxmox tells about a token. The secret is told once, when it is made.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ApiToken {
    privsep: Option<Scalar>,
    expire: Option<Scalar>,
}

impl ApiToken {
    /// Whether it has only the permissions that were granted to itself. Proxmox's own default is yes.
    pub(crate) fn is_separated(&self) -> bool {
        self.privsep.as_ref().is_none_or(Scalar::flag)
    }

    /// The form that makes its successor: the same separation, so that rotating never widens a token, and the same end
    /// unless another is asked for.
    pub(crate) fn successor(&self, asked: Option<u64>, comment: String, now: u64) -> Result<Successor, Failure> {
        let expire = asked.or_else(|| self.expire.as_ref().and_then(Scalar::whole)).unwrap_or_default();
        if expire != 0 && expire < now.saturating_add(SHORTEST_LIFE) {
            return Err(Failure::InvalidArguments(format!(
                "the new token would expire at {expire}, within a day from now ({now}): give `expire` as seconds since 1970, or 0 for a token without end"
            )));
        }
        Ok(Successor { comment, privsep: if self.is_separated() { "1" } else { "0" }, expire: expire.to_string() })
    }
}

/// The form of a new token. Every value of a form is a string.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Successor {
    comment: String,
    privsep: &'static str,
    expire: String,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use claviger_plugin_sdk::Failure;

    use super::{ApiToken, SHORTEST_LIFE};

    const NOW: u64 = 1_795_469_400;

    fn token(json: &str) -> ApiToken {
        serde_json::from_str(json).unwrap()
    }

    fn form(json: &str, asked: Option<u64>) -> Result<String, Failure> {
        let successor = token(json).successor(asked, "rotated".into(), NOW)?;
        Ok(serde_json::to_string(&successor).unwrap())
    }

    #[test]
    fn a_successor_is_as_narrow_as_the_old_one() {
        for (json, privsep) in [
            (r#"{"privsep":1}"#, "1"),
            (r#"{"privsep":"0","expire":0}"#, "0"),
            (r#"{"comment":"x"}"#, "1"),
            (r#"{"privsep":false}"#, "0"),
        ] {
            let form = form(json, None).unwrap();
            assert_eq!(
                form,
                format!("{{\"comment\":\"rotated\",\"privsep\":\"{privsep}\",\"expire\":\"0\"}}"),
                "{json}"
            );
        }
    }

    #[test]
    fn a_successor_ends_with_the_old_one_or_as_asked() {
        let later = NOW + SHORTEST_LIFE;
        assert!(form(&format!("{{\"expire\":{later}}}"), None).unwrap().contains(&later.to_string()));
        assert!(form(&format!("{{\"expire\":{later}}}"), Some(0)).unwrap().contains("\"expire\":\"0\""));
        assert!(form("{}", Some(later + 1)).unwrap().contains(&(later + 1).to_string()));
    }

    #[test]
    fn a_successor_that_ends_at_once_is_not_made() {
        for (json, asked) in [(r#"{"expire":"1"}"#, None), ("{}", Some(NOW)), ("{}", Some(NOW + SHORTEST_LIFE - 1))] {
            assert!(matches!(form(json, asked), Err(Failure::InvalidArguments(_))), "{json} {asked:?}");
        }
    }
}
