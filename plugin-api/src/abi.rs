//! The C boundary of contract v1, and the only `unsafe` code of this crate.
//!
//! Two tables of functions cross between host and plugin; all else is named JSON messages ([`crate::message`]) written
//! into the caller's sink, so that no memory is ever freed by the other side. `include/enum_plugin.h` says the same in
//! C, and a test compares the two.
//!
//! What both sides promise each other, and what every safety argument below leans on:
//! 1. [`Bytes`] point at readable memory for the length of the call; null with length 0 is an empty slice.
//! 2. A sink is written to only during the call it was handed to, and only on that call's thread.
//! 3. The host's table, and what it points to, stay valid for as long as the library is loaded.
//! 4. `create`, `call` and `destroy` may be called on any thread, `call` on several at once; after `destroy` the
//!    instance is not used again. `call` with a null instance is legal for `describe` alone.
//! 5. Nothing unwinds across the boundary, in either direction.
#![expect(unsafe_code, reason = "a C boundary needs raw pointers; each block says why it is sound")]

use std::ffi::c_void;
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

use crate::error::{Error, Status};
pub use crate::mismatch::Mismatch;

/// First field of every plugin table: 0x454E554D, "ENUM" in ASCII.
pub const MAGIC: u32 = 0x454E_554D;
/// Host and plugin must agree on this number exactly.
pub const MAJOR: u16 = 1;
/// Additions within the major version; either side may be newer.
pub const MINOR: u16 = 0;
/// Name of the one symbol that a plugin exports: a function without arguments that returns its table.
pub const SYMBOL: &str = "enum_plugin_v1";

/// Bytes borrowed for the length of one call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    ptr: *const u8,
    len: usize,
}

impl Bytes {
    fn of(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr(), len: bytes.len() }
    }

    /// # Safety
    /// Promise 1, for as long as `'a`.
    unsafe fn slice<'a>(self) -> &'a [u8] {
        if self.ptr.is_null() || self.len == 0 {
            return &[];
        }
        // SAFETY: not null, and readable for `len` bytes by the caller's promise.
        unsafe { std::slice::from_raw_parts(self.ptr, self.len) }
    }
}

/// Where the callee writes its reply, as write(ctx, part). Several parts are joined.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Sink {
    ctx: *mut c_void,
    write: Option<unsafe extern "C" fn(ctx: *mut c_void, part: Bytes)>,
}

impl Sink {
    /// # Safety
    /// Promise 2: this is the sink of the call that is being answered.
    unsafe fn put(self, bytes: &[u8]) {
        if let Some(write) = self.write {
            // SAFETY: function and context belong together by promise 2; `bytes` outlives the call.
            unsafe { write(self.ctx, Bytes::of(bytes)) }
        }
    }
}

/// The function through which either side calls the other; never null in a table that fits. The first argument is the
/// plugin's instance, or the host's ctx. Returns a status.
pub type Call = Option<unsafe extern "C" fn(target: *mut c_void, method: Bytes, json: Bytes, reply: Sink) -> i32>;

/// Makes an instance, and stores it through the third argument. Returns a status; the error is a text.
pub type Create = Option<
    unsafe extern "C" fn(host: *const HostTable, settings: Bytes, instance: *mut *mut c_void, error: Sink) -> i32,
>;

/// Ends an instance, which is not used again.
pub type Destroy = Option<unsafe extern "C" fn(instance: *mut c_void)>;

/// What the host hands to create. It is called as host->call(host->ctx, method, json, reply).
#[repr(C)]
#[derive(Debug)]
pub struct HostTable {
    /// Size of the host's table; fields are only ever appended.
    size: u32,
    ctx: *mut c_void,
    call: Call,
}

/// What a plugin exports. It stays valid for as long as the library is loaded.
//
// Its fields are private: a value is either made by `Plugin::new`, or comes through `Plugin::from_ptr`, whose caller
// vouches for the file. That is why `Instance` may call its functions from safe code.
#[repr(C)]
#[derive(Debug)]
pub struct Plugin {
    /// ENUM_MAGIC
    magic: u32,
    /// ENUM_MAJOR
    major: u16,
    /// ENUM_MINOR
    minor: u16,
    /// Size of the plugin's table; fields are only ever appended.
    size: u32,
    /// 1: a fault in the plugin is caught by the plugin. Plain C that cannot unwind: 1.
    unwinds: u32,
    create: Create,
    call: Call,
    destroy: Destroy,
}

/// What the export macros turn into a table. Authors implement [`crate::Factor`] or [`crate::Service`] instead.
pub trait Guest: Send + Sync + Sized + 'static {
    /// The description as JSON.
    ///
    /// # Errors
    /// When the plugin cannot describe itself.
    fn describe() -> Result<Vec<u8>, Error>;

    /// An instance with these settings.
    ///
    /// # Errors
    /// When the settings are refused.
    fn create(settings: &[u8], host: Host) -> Result<Self, Error>;

    /// Answers one message.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for an unknown method; otherwise what the plugin says.
    fn call(&self, method: &str, json: &[u8]) -> Result<Vec<u8>, Error>;
}

impl Plugin {
    /// The table of `G`. `unwinds` is `cfg!(panic = "unwind")` of the final artefact.
    pub const fn new<G: Guest>(unwinds: bool) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the table has 40 bytes")]
        let size = size_of::<Self>() as u32;
        Self {
            magic: MAGIC,
            major: MAJOR,
            minor: MINOR,
            size,
            unwinds: unwinds as u32,
            create: Some(guest_create::<G>),
            call: Some(guest_call::<G>),
            destroy: Some(guest_destroy::<G>),
        }
    }

    /// Checks what a library's [`SYMBOL`] returned.
    ///
    /// # Errors
    /// The first [`Mismatch`] found.
    ///
    /// # Safety
    /// `table` is null or points at a table that starts like a [`Plugin`], is valid for as long as the process runs, and
    /// whose functions keep the promises of this module.
    pub unsafe fn from_ptr(table: *const Self) -> Result<&'static Self, Mismatch> {
        if table.is_null() {
            return Err(Mismatch::Null);
        }
        // SAFETY: a table of any version begins with `magic`, `major`, `minor`, `size` (12 bytes); the rest is read only
        // after these were found right. Unaligned reads, since nothing is known of the pointer yet.
        let (magic, major, size) = unsafe {
            (
                ptr::read_unaligned(&raw const (*table).magic),
                ptr::read_unaligned(&raw const (*table).major),
                ptr::read_unaligned(&raw const (*table).size),
            )
        };
        if magic != MAGIC {
            return Err(Mismatch::Magic(magic));
        }
        if major != MAJOR {
            return Err(Mismatch::Major(major));
        }
        if (size as usize) < size_of::<Self>() || !table.is_aligned() {
            return Err(Mismatch::Size(size));
        }
        // SAFETY: aligned, as large as it says, and valid for the process by the caller's promise. The function fields
        // are options, for which null is a legal value.
        let table = unsafe { &*table };
        if table.unwinds == 0 {
            return Err(Mismatch::Aborts);
        }
        for (there, name) in
            [(table.create.is_some(), "create"), (table.call.is_some(), "call"), (table.destroy.is_some(), "destroy")]
        {
            if !there {
                return Err(Mismatch::Function(name));
            }
        }
        Ok(table)
    }

    /// Minor version that the plugin was built for.
    pub fn minor(&self) -> u16 {
        self.minor
    }

    /// Whether a panic inside the plugin is contained.
    pub fn unwinds(&self) -> bool {
        self.unwinds != 0
    }

    /// Asks for the description, which needs no instance. The reply may have at most `limit` bytes.
    pub fn describe(&self, limit: usize) -> Reply {
        self.call_raw(ptr::null_mut(), crate::message::method::DESCRIBE, b"null", limit)
    }

    fn call_raw(&self, this: *mut c_void, method: &str, json: &[u8], limit: usize) -> Reply {
        let mut reply = Collector::new(limit);
        let Some(call) = self.call else { return reply.done(Status::Unknown.code()) };
        // SAFETY: `this` is null or came from this table's `create` and is not destroyed (see `Instance`); the slices
        // and the sink live to the end of the call; the function keeps the promises by the invariant of `Plugin`.
        let status = unsafe { call(this, Bytes::of(method.as_bytes()), Bytes::of(json), reply.sink()) };
        reply.done(status)
    }
}

/// What came back from a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// As the callee returned it; only 0 means success, and see [`Status`] for the others.
    pub status: i32,
    /// All that was written, in order, up to the limit.
    pub bytes: Vec<u8>,
    /// The callee wrote more than the limit; `bytes` is then incomplete.
    pub overflowed: bool,
}

struct Collector {
    bytes: Vec<u8>,
    limit: usize,
    overflowed: bool,
}

impl Collector {
    fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, overflowed: false }
    }

    fn sink(&mut self) -> Sink {
        Sink { ctx: (&raw mut *self).cast(), write: Some(collect) }
    }

    fn done(self, status: i32) -> Reply {
        Reply { status, bytes: self.bytes, overflowed: self.overflowed }
    }
}

unsafe extern "C" fn collect(ctx: *mut c_void, part: Bytes) {
    // SAFETY: `ctx` is the collector of the call in progress, written to by its thread alone (promise 2).
    let collector = unsafe { &mut *ctx.cast::<Collector>() };
    // SAFETY: promise 1.
    let part = unsafe { part.slice() };
    if collector.overflowed || part.len() > collector.limit - collector.bytes.len() {
        collector.overflowed = true;
    } else {
        collector.bytes.extend_from_slice(part);
    }
}

// --- The host's side ------------------------------------------------------------------------------------------------

/// What a host offers to its plugins.
pub trait Services: Send + Sync + 'static {
    /// Answers one call of a plugin, on the plugin's thread.
    fn call(&self, method: &str, json: &[u8]) -> (Status, Vec<u8>);
}

/// A plugin that was created: the host's handle on it. Dropping it calls `destroy`.
#[derive(Debug)]
pub struct Instance {
    table: &'static Plugin,
    this: *mut c_void,
}

// SAFETY: promise 4 lets any thread call, several at once; the pointer itself is never read here.
unsafe impl Send for Instance {}
// SAFETY: as above.
unsafe impl Sync for Instance {}

impl Instance {
    /// Calls `create`. `limit` bounds the error text.
    ///
    /// The services are never freed, as promise 3 demands: a plugin may hold its host handle in a thread of its own.
    ///
    /// # Errors
    /// What the plugin replied; also when it reports success without an instance (status 1, empty reply).
    pub fn create(
        table: &'static Plugin,
        settings: &[u8],
        services: Arc<dyn Services>,
        limit: usize,
    ) -> Result<Self, Reply> {
        let mut error = Collector::new(limit);
        let Some(create) = table.create else { return Err(error.done(Status::Unknown.code())) };
        let host = leaked(services);
        let mut this = ptr::null_mut();
        // SAFETY: the host table lives for ever, settings and sink to the end of the call, and the function keeps the
        // promises by the invariant of `Plugin`.
        let status = unsafe { create(host, Bytes::of(settings), &raw mut this, error.sink()) };
        match (status, this.is_null()) {
            (0, false) => Ok(Self { table, this }),
            (0, true) => Err(error.done(Status::Error.code())),
            _ => Err(error.done(status)),
        }
    }

    /// Sends one message and waits for the reply, of at most `limit` bytes. Blocks for as long as the plugin likes.
    pub fn call(&self, method: &str, json: &[u8], limit: usize) -> Reply {
        self.table.call_raw(self.this, method, json, limit)
    }
}

/// The table of these services, for ever.
fn leaked(services: Arc<dyn Services>) -> &'static HostTable {
    let services: &'static Arc<dyn Services> = Box::leak(Box::new(services));
    #[expect(clippy::cast_possible_truncation, reason = "the table has 24 bytes")]
    let size = size_of::<HostTable>() as u32;
    Box::leak(Box::new(HostTable { size, ctx: ptr::from_ref(services).cast_mut().cast(), call: Some(serve) }))
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(destroy) = self.table.destroy {
            // SAFETY: `this` came from this table's `create`, and the one owner is going away: no call is in progress.
            unsafe { destroy(self.this) }
        }
    }
}

unsafe extern "C" fn serve(ctx: *mut c_void, method: Bytes, json: Bytes, reply: Sink) -> i32 {
    // SAFETY: `ctx` is the leaked `Arc` of `Instance::create`, only ever shared.
    let services = unsafe { &*ctx.cast::<Arc<dyn Services>>() };
    // SAFETY: promise 1.
    let (method, json) = unsafe { (method.slice(), json.slice()) };
    let (status, bytes) = contained(|| match std::str::from_utf8(method) {
        Ok(method) => services.call(method, json),
        Err(_) => (Status::Unknown, Vec::new()),
    });
    // SAFETY: the sink of this very call.
    unsafe { reply.put(&bytes) }
    status.code()
}

/// Keeps a panic on this side of the boundary.
fn contained(work: impl FnOnce() -> (Status, Vec<u8>)) -> (Status, Vec<u8>) {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        // Dropping a payload may panic again, outside of any net. Its text may hold secrets and is not passed on: the
        // panic hook has already written it to standard error.
        forget(payload);
        (Status::Panicked, Vec::new())
    })
}

// --- The plugin's side ----------------------------------------------------------------------------------------------

/// A plugin's way to its host. Cheap to clone.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    ctx: *mut c_void,
    call: Call,
}

// SAFETY: the host serves calls from any thread (its `Services` are `Send + Sync`) and lives as long as the library.
unsafe impl Send for Host {}
// SAFETY: as above.
unsafe impl Sync for Host {}

impl Host {
    /// A way to these services without a plugin's table between, for tests of code that wants a host. They are never
    /// freed, as in [`Instance::create`].
    pub fn over(services: Arc<dyn Services>) -> Self {
        let table = leaked(services);
        Self { ctx: table.ctx, call: table.call }
    }

    /// Sends one message to the host. Authors use the typed methods.
    pub(crate) fn call_raw(&self, method: &str, json: &[u8], limit: usize) -> Reply {
        let mut reply = Collector::new(limit);
        let Some(call) = self.call else { return reply.done(Status::Unknown.code()) };
        // SAFETY: function and context come from the host's table and stay valid (promise 3); slices and sink live to
        // the end of the call.
        let status = unsafe { call(self.ctx, Bytes::of(method.as_bytes()), Bytes::of(json), reply.sink()) };
        reply.done(status)
    }
}

fn sorted(result: Result<Vec<u8>, Error>) -> (Status, Vec<u8>) {
    result.map_or_else(|error| (error.status(), error.to_string().into_bytes()), |bytes| (Status::Ok, bytes))
}

unsafe extern "C" fn guest_create<G: Guest>(
    host: *const HostTable,
    settings: Bytes,
    this: *mut *mut c_void,
    error: Sink,
) -> i32 {
    if host.is_null() || this.is_null() {
        return Status::Error.code();
    }
    // SAFETY: not null, and a host table by promise 3; version 1.0 has all three fields.
    let table = unsafe { &*host };
    let host = Host { ctx: table.ctx, call: table.call };
    // SAFETY: promise 1.
    let settings = unsafe { settings.slice() };
    let (status, text) = contained(|| match G::create(settings, host) {
        Ok(guest) => {
            // SAFETY: not null, and the caller's own variable.
            unsafe { *this = Box::into_raw(Box::new(guest)).cast() }
            (Status::Ok, Vec::new())
        }
        Err(error) => sorted(Err(error)),
    });
    if !text.is_empty() {
        // SAFETY: the sink of this very call.
        unsafe { error.put(&text) }
    }
    status.code()
}

unsafe extern "C" fn guest_call<G: Guest>(this: *mut c_void, method: Bytes, json: Bytes, reply: Sink) -> i32 {
    // SAFETY: promise 1.
    let (method, json) = unsafe { (method.slice(), json.slice()) };
    // SAFETY: null, or the box of `guest_create`, which is only ever shared until `guest_destroy` (promise 4).
    let guest = unsafe { this.cast::<G>().as_ref() };
    let (status, bytes) = contained(|| match (std::str::from_utf8(method), guest) {
        (Ok(crate::message::method::DESCRIBE), _) => sorted(G::describe()),
        (Ok(method), Some(guest)) => sorted(guest.call(method, json)),
        (Ok(_), None) => sorted(Err(Error::failed("there is no instance"))),
        (Err(_), _) => sorted(Err(Error::Unsupported)),
    });
    // SAFETY: the sink of this very call.
    unsafe { reply.put(&bytes) }
    status.code()
}

unsafe extern "C" fn guest_destroy<G: Guest>(this: *mut c_void) {
    if this.is_null() {
        return;
    }
    // A fault while dropping can be reported to nobody: the panic hook has written it to standard error.
    contained(|| {
        // SAFETY: the box of `guest_create`, not used again (promise 4).
        drop(unsafe { Box::from_raw(this.cast::<G>()) });
        (Status::Ok, Vec::new())
    });
}

/// Sizes and offsets of the tables, for the test that compares them with the C header.
pub const LAYOUT: [usize; 15] = [
    size_of::<Bytes>(),
    size_of::<Sink>(),
    size_of::<HostTable>(),
    size_of::<Plugin>(),
    std::mem::offset_of!(Bytes, len),
    std::mem::offset_of!(Sink, write),
    std::mem::offset_of!(HostTable, ctx),
    std::mem::offset_of!(HostTable, call),
    std::mem::offset_of!(Plugin, major),
    std::mem::offset_of!(Plugin, minor),
    std::mem::offset_of!(Plugin, size),
    std::mem::offset_of!(Plugin, unwinds),
    std::mem::offset_of!(Plugin, create),
    std::mem::offset_of!(Plugin, call),
    std::mem::offset_of!(Plugin, destroy),
];
