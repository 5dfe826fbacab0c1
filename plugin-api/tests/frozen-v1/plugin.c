/* FROZEN: a plugin of contract v1.0 as it was when that contract was published. NEVER EDIT THIS FILE or its neighbours.
 *
 * It stands for every plugin that somebody else has built and that we cannot build again: a host of contract v1 loads
 * it, and it conforms, for ever. If a change of ours makes its test fail, the change is wrong, not this file.
 *
 * The factor: a word and a code that was sent set it up; a login wants the word and the challenge, joined by a dash.
 */
#include "enum_plugin.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

enum { RANDOM = 43, CHALLENGE = 8, WORD_MIN = 4, WORD_MAX = 32 };

static const char DESCRIPTION[] =
    "{\"manifest\":{\"id\":\"frozen-v1\",\"version\":\"1.0.0\",\"kind\":\"factor\",\"data_version\":3,"
    "\"purposes\":[\"authorize\",\"payment\"],\"amr\":[\"kba\"],\"acr\":\"urn:enum:acr:1\","
    "\"challenge\":\"derived\",\"details_types\":[],\"permissions\":[\"log\"]},"
    "\"settings_schema\":{\"type\":\"object\",\"properties\":{\"shout\":{\"type\":\"boolean\"}},"
    "\"additionalProperties\":false},"
    "\"pages\":{\"ask.html\":\"<p id=\\\"challenge\\\">{{ data.challenge }}</p><input id=\\\"answer\\\" "
    "name=\\\"answer\\\">\",\"enrol.html\":\"<p>{{ t.name }}</p>\"},"
    "\"texts\":{\"en\":{\"name\":\"Word\",\"description\":\"A word\",\"sms_code\":\"Code {code}\"},"
    "\"ru\":{\"name\":\"Слово\",\"description\":\"Слово\",\"sms_code\":\"Код {code}\"},"
    "\"vi\":{\"name\":\"Từ\",\"description\":\"Một từ\",\"sms_code\":\"Mã {code}\"}},"
    "\"details_schemas\":{}}";

struct instance {
  const enum_host *host;
};

static void put(enum_sink reply, const char *text, size_t len) {
  if (reply.write != NULL) {
    reply.write(reply.ctx, (enum_bytes){(const uint8_t *)text, len});
  }
}

static int32_t say(enum_sink reply, int32_t status, const char *text) {
  put(reply, text, strlen(text));
  return status;
}

static void ignore(void *ctx, enum_bytes part) {
  (void)ctx;
  (void)part;
}

static enum_bytes bytes(const char *text) { return (enum_bytes){(const uint8_t *)text, strlen(text)}; }

static void tell(const struct instance *self) {
  self->host->call(self->host->ctx, bytes("log"), bytes("{\"level\":\"info\",\"message\":\"right word\"}"),
                   (enum_sink){NULL, ignore});
}

static bool is_made_of(const char *text, size_t len, bool letters_only) {
  for (size_t i = 0; i < len; i++) {
    char c = text[i];
    bool other = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!((c >= 'a' && c <= 'z') || (other && !letters_only))) {
      return false;
    }
  }
  return true;
}

static bool text_of(struct json object, const char *name, char *out, size_t size, size_t *len) {
  struct json value;
  return json_member(object, name, &value) && json_text(value, out, size, len);
}

static bool random_of(struct json request, char random[RANDOM]) {
  struct json cx;
  size_t len;
  return json_member(request, "cx", &cx) && text_of(cx, "random", random, RANDOM, &len) && len == RANDOM &&
         is_made_of(random, RANDOM, false);
}

static bool word_of(struct json object, char word[WORD_MAX], size_t *len) {
  return text_of(object, "word", word, WORD_MAX, len) && *len >= WORD_MIN && is_made_of(word, *len, true);
}

static bool challenge_of(struct json request, const char *name, char challenge[CHALLENGE]) {
  struct json state;
  size_t len;
  return json_member(request, "state", &state) && text_of(state, name, challenge, CHALLENGE, &len) && len == CHALLENGE;
}

static int32_t begin(struct json request, enum_sink reply) {
  char random[RANDOM], word[WORD_MAX];
  struct json enrolment;
  size_t len;
  if (!random_of(request, random) || !json_member(request, "enrolment", &enrolment) ||
      !word_of(enrolment, word, &len)) {
    return say(reply, ENUM_ERROR, "no cx or no enrolment");
  }
  say(reply, ENUM_OK, "{\"step\":\"ask\",\"page\":\"ask.html\",\"data\":{\"challenge\":\"");
  put(reply, random, CHALLENGE);
  say(reply, ENUM_OK, "\"},\"state\":{\"challenge\":\"");
  put(reply, random, CHALLENGE);
  return say(reply, ENUM_OK, "\"}}");
}

static int32_t answer(const struct instance *self, struct json request, enum_sink reply) {
  char random[RANDOM], typed[WORD_MAX + 1 + CHALLENGE], right[WORD_MAX + 1 + CHALLENGE];
  struct json enrolment, input;
  size_t typed_len, len;
  if (!random_of(request, random) || !json_member(request, "enrolment", &enrolment) ||
      !word_of(enrolment, right, &len) || !challenge_of(request, "challenge", right + len + 1) ||
      !json_member(request, "input", &input)) {
    return say(reply, ENUM_ERROR, "no cx, enrolment, state or input");
  }
  right[len] = '-';
  len += 1 + CHALLENGE;
  if (!text_of(input, "answer", typed, sizeof typed, &typed_len) || typed_len != len || memcmp(typed, right, len) != 0) {
    return say(reply, ENUM_OK, "{\"step\":\"wrong\",\"signal\":null}");
  }
  tell(self);
  say(reply, ENUM_OK, "{\"step\":\"pass\",\"facts\":{\"amr\":[\"kba\"],\"evidence\":{\"challenge\":\"");
  put(reply, right + len - CHALLENGE, CHALLENGE);
  say(reply, ENUM_OK, "\"},\"device\":\"a head\"},\"enrolment\":{\"word\":\"");
  put(reply, right, len - 1 - CHALLENGE);
  return say(reply, ENUM_OK, "\"}}");
}

static int32_t enrol_begin(struct json request, enum_sink reply) {
  char random[RANDOM];
  if (!random_of(request, random)) {
    return say(reply, ENUM_ERROR, "no cx");
  }
  say(reply, ENUM_OK, "{\"step\":\"ask\",\"page\":\"enrol.html\",\"data\":{},\"state\":{\"code\":\"");
  put(reply, random, CHALLENGE);
  say(reply, ENUM_OK, "\"},\"effects\":[{\"effect\":\"sms\",\"text\":\"sms_code\",\"args\":{\"code\":\"");
  put(reply, random, CHALLENGE);
  return say(reply, ENUM_OK, "\"}}]}");
}

static int32_t enrol_answer(struct json request, enum_sink reply) {
  char random[RANDOM], code[CHALLENGE], typed[CHALLENGE], word[WORD_MAX];
  struct json input;
  size_t typed_len, len;
  if (!random_of(request, random) || !challenge_of(request, "code", code) || !json_member(request, "input", &input)) {
    return say(reply, ENUM_ERROR, "no cx, state or input");
  }
  if (!text_of(input, "code", typed, CHALLENGE, &typed_len) || typed_len != CHALLENGE ||
      memcmp(typed, code, CHALLENGE) != 0 || !word_of(input, word, &len)) {
    return say(reply, ENUM_OK, "{\"step\":\"wrong\",\"signal\":null}");
  }
  say(reply, ENUM_OK, "{\"step\":\"pass\",\"facts\":{\"amr\":[\"kba\"]},\"enrolment\":{\"word\":\"");
  put(reply, word, len);
  return say(reply, ENUM_OK, "\"}}");
}

static int32_t decoy(struct json request, enum_sink reply) {
  char random[RANDOM], word[WORD_MAX];
  if (!random_of(request, random)) {
    return say(reply, ENUM_ERROR, "no cx");
  }
  for (size_t i = 0; i < WORD_MAX; i++) {
    word[i] = "abcdefghijklmnopqrstuvwxyz"[(unsigned char)random[i] % 26];
  }
  say(reply, ENUM_OK, "{\"enrolment\":{\"word\":\"");
  put(reply, word, WORD_MAX);
  say(reply, ENUM_OK, "\"},\"enrolling\":{\"code\":\"");
  put(reply, random + WORD_MAX, CHALLENGE);
  return say(reply, ENUM_OK, "\"}}");
}

static bool settings_are_known(struct json settings) {
  struct json shout, rest = settings;
  if (json_is_empty_object(settings)) {
    return true;
  }
  return json_member(settings, "shout", &shout) && json_take(&rest, '{') && json_skip_text(&rest) &&
         json_take(&rest, ':') && json_skip(&rest, 2) && json_take(&rest, '}') && rest.at == rest.end;
}

static int32_t call(void *self, enum_bytes method, enum_bytes text, enum_sink reply) {
  static const char *const METHODS[] = {"settings.check",    "factor.begin",        "factor.answer",
                                        "factor.enrol_begin", "factor.enrol_answer", "factor.decoy"};
  static const char *const UNKNOWN = NULL;
  const char *name = UNKNOWN;
  struct json request;
  if (method.len == 8 && memcmp(method.ptr, "describe", 8) == 0) {
    put(reply, DESCRIPTION, sizeof DESCRIPTION - 1);
    return ENUM_OK;
  }
  size_t which = 0;
  for (; which < sizeof METHODS / sizeof *METHODS; which++) {
    if (method.len == strlen(METHODS[which]) && memcmp(method.ptr, METHODS[which], method.len) == 0) {
      name = METHODS[which];
      break;
    }
  }
  if (name == UNKNOWN) {
    return ENUM_UNKNOWN;
  }
  if (self == NULL || !json_read(text.ptr, text.len, &request)) {
    return say(reply, ENUM_ERROR, "no instance, or no JSON");
  }
  switch (which) {
  case 0:
    return settings_are_known(request) ? say(reply, ENUM_OK, "null") : say(reply, ENUM_ERROR, "unknown setting");
  case 1:
    return begin(request, reply);
  case 2:
    return answer(self, request, reply);
  case 3:
    return enrol_begin(request, reply);
  case 4:
    return enrol_answer(request, reply);
  default:
    return decoy(request, reply);
  }
}

static int32_t create(const enum_host *host, enum_bytes settings, void **self, enum_sink error) {
  struct json object;
  if (host == NULL || self == NULL || host->size < sizeof(enum_host)) {
    return say(error, ENUM_ERROR, "no host");
  }
  if (!json_read(settings.ptr, settings.len, &object) || !settings_are_known(object)) {
    return say(error, ENUM_ERROR, "unknown setting");
  }
  struct instance *made = malloc(sizeof *made);
  if (made == NULL) {
    return say(error, ENUM_ERROR, "no memory");
  }
  made->host = host;
  *self = made;
  return ENUM_OK;
}

static void destroy(void *self) { free(self); }

static const enum_plugin TABLE = {ENUM_MAGIC, ENUM_MAJOR, ENUM_MINOR, sizeof(enum_plugin), 1, create, call, destroy};

const enum_plugin *enum_plugin_v1(void) { return &TABLE; }
