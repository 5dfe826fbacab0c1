/* A plugin that misbehaves on demand.
 *
 * Defects of the file or of its table are chosen when it is compiled (-DWRONG_MAJOR and so on); what it does in a call
 * is chosen by a word in the request. */
#define _GNU_SOURCE
#include "enum_plugin.h"
#include <string.h>
#include <unistd.h>

#ifndef ID
#define ID "beast"
#endif
#ifndef PERMISSIONS
#define PERMISSIONS ""
#endif
#ifndef SCHEMA
#define SCHEMA "{\"type\":\"object\",\"additionalProperties\":false}"
#endif

#ifndef TEXTS
#define TEXTS "{\"name\":\"Beast\",\"description\":\"Bites\"}"
#endif
#define DESCRIPTION                                                                                                    \
  "{\"manifest\":{\"id\":\"" ID "\",\"version\":\"1.0.0\",\"kind\":\"factor\",\"purposes\":[\"authorize\"],"           \
  "\"amr\":[\"otp\"],\"acr\":\"urn:enum:acr:1\",\"permissions\":[" PERMISSIONS "]},\"settings_schema\":" SCHEMA ","     \
  "\"pages\":{\"ask.html\":\"<p>?</p>\"},\"texts\":{\"en\":" TEXTS ",\"ru\":" TEXTS ",\"vi\":" TEXTS "}}"
#define ASK "{\"step\":\"ask\",\"page\":\"ask.html\",\"data\":{},\"state\":1}"

#ifdef NO_SYMBOL
int something_else(void) { return 0; }
#else

static const enum_host *the_host;

static void put(enum_sink reply, const void *bytes, size_t len) {
  reply.write(reply.ctx, (enum_bytes){bytes, len});
}

static void say(enum_sink reply, const char *text) { put(reply, text, strlen(text)); }

static void forget_it(void *ctx, enum_bytes part) { (void)ctx, (void)part; }

static int32_t log_line(const char *json) {
  enum_bytes method = {(const uint8_t *)"log", 3}, line = {(const uint8_t *)json, strlen(json)};
  return the_host->call(the_host->ctx, method, line, (enum_sink){0, forget_it});
}

static int32_t misbehave(enum_bytes json, enum_sink reply) {
#define TOLD(word) (memmem(json.ptr, json.len, word, strlen(word)) != 0)
  if (TOLD("hang"))
    for (;;)
      sleep(1000);
  if (TOLD("dawdle"))
    usleep(400 * 1000);
  if (TOLD("status 77"))
    return 77;
  if (TOLD("status -1"))
    return -1;
  if (TOLD("error")) {
    say(reply, "out of\nink");
    return ENUM_ERROR;
  }
  if (TOLD("mumble")) {
    put(reply, "\xff\xfe", 2);
    return ENUM_ERROR;
  }
  if (TOLD("deny")) {
    say(reply, "not on a Sunday");
    return ENUM_DENIED;
  }
  if (TOLD("unknown"))
    return ENUM_UNKNOWN;
  if (TOLD("panicked"))
    return ENUM_PANICKED;
  if (TOLD("silent"))
    return ENUM_OK;
  if (TOLD("huge")) {
    static char part[100 * 1024];
    memset(part, ' ', sizeof part);
    for (int i = 0; i < 1024; i++) /* 100 MiB */
      put(reply, part, sizeof part);
  }
  if (TOLD("not utf-8"))
    say(reply, "{\"step\":\"fail\",\"reason\":\"\xff\xfe\"}");
  if (TOLD("not json"))
    say(reply, "maybe");
  if (TOLD("not a step"))
    say(reply, "{\"step\":\"shrug\"}");
  if (TOLD("twice"))
    say(reply, ASK);
  if (TOLD("null slices")) {
    put(reply, 0, 0);
    put(reply, "", 0);
  }
  if (TOLD("in parts")) {
    for (const char *c = ASK; *c; c++)
      put(reply, c, 1);
    return ENUM_OK;
  }
  if (TOLD("foreign page")) {
    say(reply, "{\"step\":\"ask\",\"page\":\"other.html\",\"data\":{},\"state\":1}");
    return ENUM_OK;
  }
  if (TOLD("foreign text")) {
    say(reply, "{\"step\":\"ask\",\"page\":\"ask.html\",\"data\":{},\"state\":1,"
               "\"effects\":[{\"effect\":\"sms\",\"text\":\"none\"}]}");
    return ENUM_OK;
  }
  if (TOLD("boast")) {
    say(reply, "{\"step\":\"pass\",\"facts\":{\"amr\":[\"hwk\",\"otp\",\"fpt\"]},\"x_later\":1}");
    return ENUM_OK;
  }
  if (TOLD("log")) {
    int known = log_line("{\"level\":\"info\",\"message\":\"one\\ntwo\"}") == ENUM_OK;
    int strict = log_line("{\"level\":\"shout\",\"message\":\"one\"}") == ENUM_ERROR && log_line("") == ENUM_ERROR;
    say(reply, known && strict ? "{\"step\":\"wrong\"}" : "{\"step\":\"fail\",\"reason\":\"log\"}");
    return ENUM_OK;
  }
  say(reply, ASK);
  return ENUM_OK;
}

static int32_t create(const enum_host *host, enum_bytes settings, void **self, enum_sink error) {
  static int instance;
  the_host = host;
#ifdef CREATE_REFUSES
  say(error, "the moon is not full");
  return ENUM_ERROR;
#endif
#ifdef CREATE_FORGETS
  return ENUM_OK;
#endif
  (void)settings, (void)error;
  *self = &instance;
  return ENUM_OK;
}

static int32_t call(void *self, enum_bytes method, enum_bytes json, enum_sink reply) {
  if (method.len == 8 && memcmp(method.ptr, "describe", 8) == 0) {
#ifdef DESCRIBES_NONSENSE
    say(reply, "{\"manifest\":{}}");
    return ENUM_OK;
#endif
#ifdef DESCRIBES_FOR_EVER
    for (;;)
      sleep(1000);
#endif
    say(reply, DESCRIPTION);
    return ENUM_OK;
  }
  if (self && method.len == 12 && memcmp(method.ptr, "factor.begin", 12) == 0)
    return misbehave(json, reply);
  return ENUM_UNKNOWN;
}

static void destroy(void *self) { (void)self; }

static const enum_plugin table = {
#ifdef WRONG_MAGIC
    0x7F454C46u,
#else
    ENUM_MAGIC,
#endif
#ifdef WRONG_MAJOR
    2,
#else
    ENUM_MAJOR,
#endif
    ENUM_MINOR,
#ifdef SHORT_TABLE
    16,
#else
    sizeof(enum_plugin),
#endif
#ifdef ABORTS
    0,
#else
    1,
#endif
    create,
#ifdef NO_CALL
    0,
#else
    call,
#endif
    destroy};

const enum_plugin *enum_plugin_v1(void) {
  (void)call;
#ifdef NULL_TABLE
  return 0;
#else
  return &table;
#endif
}
#endif
