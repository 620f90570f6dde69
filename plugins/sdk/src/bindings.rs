//! The door, as `wit/plugin.wit` draws it. Generated; plugins use the typed wrappers of this crate instead.

wit_bindgen::generate!({
    path: "../../wit",
    world: "plugin",
    pub_export_macro: true,
    default_bindings_module: "claviger_plugin_sdk::bindings",
});
