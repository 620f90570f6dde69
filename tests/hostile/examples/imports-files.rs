//! A plugin that reads a file.

wit_bindgen::generate!({ path: "../../wit", world: "plugin" });

struct Attack;
export!(Attack);

impl Guest for Attack {
    fn call(_: String, _: String) -> Result<String, Failure> {
        std::fs::read_to_string("/etc/passwd").map_err(|error| Failure::Other(error.to_string()))
    }
}
