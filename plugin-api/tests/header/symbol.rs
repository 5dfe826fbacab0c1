//! Read by the generator of the C header, never compiled: the symbol that `export.rs` writes into a plugin.

extern "C" {
    /// The one symbol that a plugin exports. The table must stay valid for as long as the library is loaded.
    pub fn enum_plugin_v1() -> *const Plugin;
}
