//! From a tool's name and JSON text to a plain function, and back.

use alloc::format;
use alloc::string::String;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Failure;
use crate::bindings::claviger::plugin::refusals::Refusal;

/// Runs one tool: reads the arguments, calls the function, writes the result. Used by [`plugin!`](crate::plugin).
///
/// # Errors
/// [`Failure::InvalidArguments`] when the arguments do not fit, with a position and without their content; otherwise what
/// the function returns.
pub fn run<A, R>(tool: impl FnOnce(A) -> Result<R, Failure>, arguments: &str) -> Result<String, Failure>
where
    A: DeserializeOwned,
    R: Serialize,
{
    let arguments = serde_json::from_str(arguments).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Failure::InvalidArguments(format!("the arguments do not fit the tool's schema at line {line}, column {column}"))
    })?;
    let result = tool(arguments)?;
    serde_json::to_string(&result).map_err(|_| Failure::Other("the result could not be written as JSON".into()))
}

/// The failure of a call that names a tool the plugin does not have.
pub fn unknown_tool() -> Failure {
    Failure::Other("the plugin has no tool of this name; its manifest and its component do not belong together".into())
}

impl From<Refusal> for Failure {
    /// The host's text says what would help, so it is passed on; what may have happened already is added.
    fn from(refusal: Refusal) -> Self {
        let happened = if refusal.left_host { " (the request may have reached the upstream)" } else { "" };
        Failure::Refused(format!("{}{happened}", refusal.detail))
    }
}

/// Makes a plugin out of plain functions: each takes one type that implements `Deserialize` and returns
/// `Result<impl Serialize, Failure>`.
///
/// ```no_run
/// use claviger_plugin_sdk::Failure;
/// use claviger_plugin_sdk::prelude::*;
///
/// #[derive(Deserialize)]
/// struct Arguments { name: String }
///
/// #[derive(Serialize)]
/// struct Greeting { text: String }
///
/// fn greet(arguments: Arguments) -> Result<Greeting, Failure> {
///     Ok(Greeting { text: format!("Hello {}", arguments.name) })
/// }
///
/// claviger_plugin_sdk::plugin! { "greet" => greet }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! plugin {
    ($($tool:literal => $function:path),+ $(,)?) => {
        struct Plugin;

        impl $crate::bindings::Guest for Plugin {
            fn call(
                tool: $crate::prelude::String,
                arguments: $crate::prelude::String,
            ) -> ::core::result::Result<$crate::prelude::String, $crate::Failure> {
                match tool.as_str() {
                    $($tool => $crate::run($function, &arguments),)+
                    _ => ::core::result::Result::Err($crate::unknown_tool()),
                }
            }
        }

        $crate::bindings::export!(Plugin with_types_in $crate::bindings);
    };
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::string::{String, ToString};

    use super::run;
    use crate::Failure;
    use crate::bindings::claviger::plugin::refusals::{Reason, Refusal};

    fn double(arguments: BTreeMap<String, u32>) -> Result<BTreeMap<String, u32>, Failure> {
        Ok(arguments.into_iter().map(|(name, number)| (name, number * 2)).collect())
    }

    #[test]
    fn arguments_and_result_are_json() {
        assert_eq!(run(double, r#"{"a":2}"#).unwrap(), r#"{"a":4}"#);
    }

    #[test]
    fn arguments_that_do_not_fit_are_not_repeated() {
        let Err(Failure::InvalidArguments(text)) = run(double, r#"{"a":"q7Wd2mKx"}"#) else {
            unreachable!("a string is no number")
        };
        assert!(text.contains("column") && !text.contains("q7Wd2mKx"), "{text}");
    }

    #[test]
    fn a_refusal_says_whether_something_may_have_happened() {
        let refusal = |left_host| Refusal { reason: Reason::Transport, detail: "no answer".to_string(), left_host };
        assert!(matches!(Failure::from(refusal(false)), Failure::Refused(text) if text == "no answer"));
        assert!(matches!(Failure::from(refusal(true)), Failure::Refused(text) if text.contains("may have reached")));
    }
}
