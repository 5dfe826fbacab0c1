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

#ifndef ENUM_PLUGIN_H
#define ENUM_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

// First field of every plugin table: 0x454E554D, "ENUM" in ASCII.
#define ENUM_MAGIC 1162761549

// Host and plugin must agree on this number exactly.
#define ENUM_MAJOR 1

// Additions within the major version; either side may be newer.
#define ENUM_MINOR 0

// What a call returns across the boundary. Any other number counts as a failure.
enum enum_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // The reply is the message that the method promises.
  ENUM_OK = 0,
  // The reply is a text for the log.
  ENUM_ERROR = 1,
  // The callee does not know the method: use the default.
  ENUM_UNKNOWN = 2,
  // A panic, or another fault, was caught at the boundary.
  ENUM_PANICKED = 3,
  // The callee knows the method and does not allow it. The reply is a text for the log.
  ENUM_DENIED = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum enum_status enum_status;
#else
typedef int32_t enum_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Bytes borrowed for the length of one call.
typedef struct enum_bytes {
  const uint8_t *ptr;
  size_t len;
} enum_bytes;

// Where the callee writes its reply, as write(ctx, part). Several parts are joined.
typedef struct enum_sink {
  void *ctx;
  void (*write)(void *ctx, struct enum_bytes part);
} enum_sink;

// The function through which either side calls the other; never null in a table that fits. The first argument is the
// plugin's instance, or the host's ctx. Returns a status.
typedef int32_t (*enum_call)(void *target, struct enum_bytes method, struct enum_bytes json, struct enum_sink reply);

// What the host hands to create. It is called as host->call(host->ctx, method, json, reply).
typedef struct enum_host {
  // Size of the host's table; fields are only ever appended.
  uint32_t size;
  void *ctx;
  enum_call call;
} enum_host;

// Makes an instance, and stores it through the third argument. Returns a status; the error is a text.
typedef int32_t (*enum_create)(const struct enum_host *host,
                               struct enum_bytes settings,
                               void **instance,
                               struct enum_sink error);

// Ends an instance, which is not used again.
typedef void (*enum_destroy)(void *instance);

// What a plugin exports. It stays valid for as long as the library is loaded.
typedef struct enum_plugin {
  // ENUM_MAGIC
  uint32_t magic;
  // ENUM_MAJOR
  uint16_t major;
  // ENUM_MINOR
  uint16_t minor;
  // Size of the plugin's table; fields are only ever appended.
  uint32_t size;
  // 1: a fault in the plugin is caught by the plugin. Plain C that cannot unwind: 1.
  uint32_t unwinds;
  enum_create create;
  enum_call call;
  enum_destroy destroy;
} enum_plugin;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The one symbol that a plugin exports. The table must stay valid for as long as the library is loaded.
extern const struct enum_plugin *enum_plugin_v1(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ENUM_PLUGIN_H */
