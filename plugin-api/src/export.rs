//! The export macros.
//!
//! The exported symbol needs `#[unsafe(no_mangle)]`. The compiler does not hold a crate responsible for the lints of code
//! that another crate's macro wrote, so a plugin crate can keep `#![forbid(unsafe_code)]`.

/// Exports a [`crate::Factor`] as this library's one symbol. Once per crate, at its root.
#[macro_export]
macro_rules! export_factor {
    ($factor:ty) => {
        $crate::__export!($crate::FactorGuest<$factor>);
    };
}

/// Exports a [`crate::Service`] as this library's one symbol. Once per crate, at its root.
#[macro_export]
macro_rules! export_service {
    ($service:ty) => {
        $crate::__export!($crate::ServiceGuest<$service>);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($guest:ty) => {
        /// The plugin's table: the one symbol that a host looks for.
        #[unsafe(no_mangle)]
        pub extern "C" fn enum_plugin_v1() -> &'static $crate::abi::Plugin {
            static TABLE: $crate::abi::Plugin = $crate::abi::Plugin::new::<$guest>(cfg!(panic = "unwind"));
            &TABLE
        }
    };
}
