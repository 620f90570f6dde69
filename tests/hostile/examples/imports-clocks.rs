//! A plugin that reads a fine clock.

wit_bindgen::generate!({ path: "../../wit", world: "plugin" });

struct Attack;
export!(Attack);

impl Guest for Attack {
    fn call(_: String, _: String) -> Result<String, Failure> {
        Ok(format!("{:?}", std::time::Instant::now()))
    }
}
