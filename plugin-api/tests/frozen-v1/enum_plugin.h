/* FROZEN: see plugin.c. Never edit this file.
 *
 * Contract v1 between E-num's identity provider and its plugins, in C.
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
 * - call() may come from several threads at once. With a null self it is legal for "describe" alone.
 * - The host table stays valid for as long as the library is loaded. host->call may be used during create, call and
 *   destroy, on that call's thread.
 * - Nothing may unwind or longjmp out of a function.
 */
#ifndef ENUM_PLUGIN_H
#define ENUM_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ENUM_MAGIC UINT32_C(0x454E554D) /* "ENUM" */
#define ENUM_MAJOR 1                    /* must be equal on both sides */
#define ENUM_MINOR 0                    /* either side may be newer */

enum enum_status {
  ENUM_OK = 0,       /* the reply is what the method promises */
  ENUM_ERROR = 1,    /* the reply is a text for the log */
  ENUM_UNKNOWN = 2,  /* the method is not known */
  ENUM_PANICKED = 3, /* a fault was caught */
  ENUM_DENIED = 4    /* the method is known and not allowed */
};

typedef struct enum_bytes {
  const uint8_t *ptr;
  size_t len;
} enum_bytes;

typedef struct enum_sink {
  void *ctx;
  void (*write)(void *ctx, enum_bytes part);
} enum_sink;

typedef int32_t (*enum_call)(void *self, enum_bytes method, enum_bytes json, enum_sink reply);

/* What the host hands to create: call it as host->call(host->ctx, method, json, reply). */
typedef struct enum_host {
  uint32_t size; /* sizeof(enum_host) of the host; fields are only ever appended */
  void *ctx;
  enum_call call;
} enum_host;

typedef struct enum_plugin {
  uint32_t magic; /* ENUM_MAGIC */
  uint16_t major; /* ENUM_MAJOR */
  uint16_t minor; /* ENUM_MINOR */
  uint32_t size;  /* sizeof(enum_plugin); fields are only ever appended */
  uint32_t unwinds; /* 1: a fault in the plugin is caught by the plugin (plain C that cannot unwind: 1) */
  int32_t (*create)(const enum_host *host, enum_bytes settings, void **self, enum_sink error);
  enum_call call;
  void (*destroy)(void *self);
} enum_plugin;

/* The one symbol that a plugin exports. The table must stay valid for as long as the library is loaded. */
const enum_plugin *enum_plugin_v1(void);

#ifdef __cplusplus
}
#endif

#endif
