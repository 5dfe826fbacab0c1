/* Contract v1 between E-num's identity provider and its plugins, in C.
 *
 * A plugin is a shared library with one symbol, enum_plugin_v1. All else is JSON messages, described in src/message.rs,
 * with an example of each under tests/fixtures/v1.
 *
 * Rules
 * - enum_bytes are borrowed for the length of the call. A null pointer with length 0 is an empty slice.
 * - A reply is written into the caller's sink, in one or more parts that are joined; only during the call, and only on
 *   the call's thread. Nothing is ever freed by the other side.
 * - A method that is not known is answered with ENUM_UNKNOWN. Any status that is not listed counts as a failure.
 * - With ENUM_ERROR and ENUM_DENIED the reply is a text for the server's log, without secrets.
 * - call() may come from several threads at once. With a null instance it is legal for "describe" alone.
 * - The host table stays valid for as long as the library is loaded. host->call may be used during create, call and
 *   destroy, on that call's thread.
 * - Nothing may unwind or longjmp out of a function.
 *
 * Generated from src/abi.rs and src/error.rs: change those, or tests/header, and run
 * UPDATE_HEADER=1 cargo test -p plugin-api --test header
 */
