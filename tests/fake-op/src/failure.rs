//! What `op` prints when it fails, word for word, and its exit codes.

/// A failed run.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) text: String,
}

impl Failure {
    /// Text as it is.
    pub(crate) fn plain(code: u8, text: &str) -> Self {
        Self { code, text: text.to_owned() }
    }

    /// An error that `op` handles itself: prefix, time, message, exit code 1.
    pub(crate) fn error(message: &str) -> Self {
        Self { code: 1, text: format!("[ERROR] 2031/04/05 06:07:08 {message}\n") }
    }

    pub(crate) fn signed_out() -> Self {
        Self::error("You are not currently signed in. Please run `op signin --help` for instructions")
    }

    pub(crate) fn locked() -> Self {
        Self::error(
            "error initializing client: connecting to desktop app timed out, make sure it is installed, running, and CLI integration is enabled",
        )
    }

    pub(crate) fn dismissed() -> Self {
        Self::error("error initializing client: authorization prompt dismissed, please try again")
    }

    pub(crate) fn no_account(filter: &str) -> Self {
        Self::error(&format!("error initializing client: found no accounts for filter \"{filter}\""))
    }

    pub(crate) fn revoked() -> Self {
        Self::error(
            "error initializing client: Authentication: (failed to auth.LookupAuth), Network: (failed to request), Server: (403) (Forbidden (Service Account Deleted)), The Service Account used in this integration has been deleted.",
        )
    }

    pub(crate) fn rate_limited() -> Self {
        Self::error(
            "(429) Too Many Requests: You've reached the maximum number of this type of requests this service account is allowed to make. Please retry in 58 minutes or try other requests.",
        )
    }

    pub(crate) fn bad_request() -> Self {
        Self { code: 4, ..Self::error("(400) Bad Request: The structure of request was invalid.") }
    }

    pub(crate) fn panic() -> Self {
        Self::plain(
            2,
            "panic: runtime error: index out of range [1] with length 1\n\ngoroutine 1 [running]:\nmain.main()\n\t/builds/op/main.go:11 +0x1d\n",
        )
    }

    pub(crate) fn no_vault(vault: &str) -> Self {
        Self::error(&format!("\"{vault}\" isn't a vault in this account. Specify the vault with its ID or name."))
    }

    pub(crate) fn no_item(item: &str, vault: Option<&str>) -> Self {
        let place = vault.map_or_else(String::new, |vault| format!(" in the \"{vault}\" vault"));
        Self::error(&format!("\"{item}\" isn't an item{place}. Specify the item with its UUID, name, or domain."))
    }

    pub(crate) fn no_field(vault: &str, item: &str, field: &str) -> Self {
        Self::error(&format!("item '{vault}/{item}' does not have a field '{field}'"))
    }

    pub(crate) fn several_items(item: &str, places: &[(String, String)]) -> Self {
        let lines: String =
            places.iter().map(|(vault, id)| format!("\n\t* for the item \"{item}\" in vault {vault}: {id}")).collect();
        Self::error(&format!(
            "More than one item matches \"{item}\". Try again and specify the item by its ID: {lines}"
        ))
    }

    pub(crate) fn vault_needed() -> Self {
        Self::error("a vault query must be provided when this command is called by a service account")
    }

    /// The same failure as `op read` words it.
    pub(crate) fn reading(self, reference: &str) -> Self {
        let text = self.text.replacen("06:07:08 ", &format!("06:07:08 could not read secret '{reference}': "), 1);
        Self { text, ..self }
    }
}
