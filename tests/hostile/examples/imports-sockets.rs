//! A plugin that opens a socket.

wit_bindgen::generate!({ path: "../../wit", world: "plugin" });

struct Attack;
export!(Attack);

impl Guest for Attack {
    #[expect(clippy::disallowed_methods, reason = "that is the attack")]
    fn call(_: String, _: String) -> Result<String, Failure> {
        std::net::TcpStream::connect("127.0.0.1:1")
            .map(|_| String::new())
            .map_err(|error| Failure::Other(error.to_string()))
    }
}
