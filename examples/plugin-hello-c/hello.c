/* A PIN, as a factor in plain C: contract v1 of plugin-api/include/enum_plugin.h, and nothing but the C library.
 *
 * It is an example. What it keeps of a PIN is a salted, iterated SHA-256, which whoever reads the server's database AND
 * its master key can try all PINs against within minutes; keep a secret that matters as examples/plugin-hello-rust does.
 * The host counts wrong answers, so that nobody else has more than a few guesses.
 */
#include "enum_plugin.h"
#include "json.h"
#include "sha256.h"

#include <string.h>

enum {
  PIN_MIN = 6,
  PIN_MAX = 12,
  SALT = 43, /* cx.random: 32 bytes in base64url */
  HASH = 2 * SHA256_SIZE,
  ROUNDS = 10000
};

static const char DESCRIPTION[] =
    "{\"manifest\":{\"id\":\"hello-c\",\"version\":\"1.0.0\",\"kind\":\"factor\",\"data_version\":1,"
    "\"purposes\":[\"authorize\"],\"amr\":[\"pin\"],\"acr\":\"urn:enum:acr:1\",\"challenge\":\"derived\","
    "\"enrols\":\"page\"},"
    "\"settings_schema\":{\"type\":\"object\",\"additionalProperties\":false},"
    "\"pages\":{"
    "\"ask.html\":\"<p class=\\\"field\\\"><label for=\\\"answer\\\">{{ t.answer_label }}</label>"
    "<input id=\\\"answer\\\" name=\\\"answer\\\" type=\\\"password\\\" inputmode=\\\"numeric\\\" "
    "autocomplete=\\\"current-password\\\" autofocus required maxlength=\\\"12\\\"></p>"
    "<p><button id=\\\"continue\\\" type=\\\"submit\\\">{{ t.continue }}</button></p>\","
    "\"set.html\":\"<p>{{ t.set_how }}</p>"
    "{% if data.problem %}<p class=\\\"error\\\" role=\\\"alert\\\" id=\\\"problem\\\">{{ t[data.problem] }}</p>{% endif %}"
    "<p class=\\\"field\\\"><label for=\\\"answer\\\">{{ t.set_label }}</label>"
    "<input id=\\\"answer\\\" name=\\\"answer\\\" type=\\\"password\\\" inputmode=\\\"numeric\\\" "
    "autocomplete=\\\"new-password\\\" autofocus required maxlength=\\\"12\\\"></p>"
    "<p class=\\\"field\\\"><label for=\\\"again\\\">{{ t.again_label }}</label>"
    "<input id=\\\"again\\\" name=\\\"again\\\" type=\\\"password\\\" inputmode=\\\"numeric\\\" "
    "autocomplete=\\\"new-password\\\" required maxlength=\\\"12\\\"></p>"
    "<p><button id=\\\"continue\\\" type=\\\"submit\\\">{{ t.set }}</button></p>\"},"
    "\"texts\":{"
    "\"en\":{\"name\":\"PIN\",\"description\":\"Six to twelve digits that you remember.\","
    "\"answer_label\":\"Your PIN\",\"continue\":\"Continue\",\"set_how\":\"Choose a PIN of 6 to 12 digits.\","
    "\"set_label\":\"New PIN\",\"again_label\":\"The same once more\",\"set\":\"Set the PIN\","
    "\"problem_form\":\"A PIN has 6 to 12 digits and nothing else.\","
    "\"problem_again\":\"The two are not the same: please type them again.\"},"
    "\"ru\":{\"name\":\"ПИН-код\",\"description\":\"От шести до двенадцати цифр, которые вы помните.\","
    "\"answer_label\":\"Ваш ПИН-код\",\"continue\":\"Продолжить\",\"set_how\":\"Придумайте ПИН-код из 6–12 цифр.\","
    "\"set_label\":\"Новый ПИН-код\",\"again_label\":\"Ещё раз то же самое\",\"set\":\"Установить ПИН-код\","
    "\"problem_form\":\"В ПИН-коде от 6 до 12 цифр и больше ничего.\","
    "\"problem_again\":\"Коды не совпадают: введите их ещё раз.\"},"
    "\"vi\":{\"name\":\"Mã PIN\",\"description\":\"Sáu đến mười hai chữ số mà bạn nhớ.\","
    "\"answer_label\":\"Mã PIN của bạn\",\"continue\":\"Tiếp tục\",\"set_how\":\"Hãy chọn mã PIN gồm 6 đến 12 chữ số.\","
    "\"set_label\":\"Mã PIN mới\",\"again_label\":\"Nhập lại lần nữa\",\"set\":\"Đặt mã PIN\","
    "\"problem_form\":\"Mã PIN gồm 6 đến 12 chữ số và không có gì khác.\","
    "\"problem_again\":\"Hai lần nhập không giống nhau: hãy nhập lại.\"}}}";

/* --- Replies ------------------------------------------------------------------------------------------------------ */

static void put(enum_sink reply, const char *text, size_t len) {
  if (reply.write != NULL) {
    reply.write(reply.ctx, (enum_bytes){(const uint8_t *)text, len});
  }
}

static int32_t say(enum_sink reply, int32_t status, const char *text) {
  put(reply, text, strlen(text));
  return status;
}

/* The text goes to the server's log: it names what is wrong and quotes nothing. */
static int32_t fail(enum_sink reply, const char *why) { return say(reply, ENUM_ERROR, why); }

/* --- PINs --------------------------------------------------------------------------------------------------------- */

struct pin {
  char digits[PIN_MAX];
  size_t len;
};

/* What is no PIN is not an error: the person is told, or it is a wrong answer. */
static bool read_pin(struct json input, const char *field, struct pin *pin) {
  struct json value;
  if (!json_member(input, field, &value) || !json_text(value, pin->digits, sizeof pin->digits, &pin->len) ||
      pin->len < PIN_MIN) {
    return false;
  }
  for (size_t i = 0; i < pin->len; i++) {
    if (pin->digits[i] < '0' || pin->digits[i] > '9') {
      return false;
    }
  }
  return true;
}

static void hash_pin(const struct pin *pin, const char salt[SALT], char hex[HASH]) {
  uint8_t block[SHA256_SIZE + SALT + PIN_MAX] = {0};
  uint8_t *hash = block;
  memcpy(block + SHA256_SIZE, salt, SALT);
  memcpy(block + SHA256_SIZE + SALT, pin->digits, pin->len);
  for (int round = 0; round < ROUNDS; round++) {
    sha256(block, SHA256_SIZE + SALT + pin->len, hash);
  }
  for (size_t i = 0; i < SHA256_SIZE; i++) {
    hex[2 * i] = "0123456789abcdef"[hash[i] >> 4];
    hex[2 * i + 1] = "0123456789abcdef"[hash[i] & 15];
  }
}

static bool read_exactly(struct json object, const char *name, char *out, size_t len) {
  struct json value;
  size_t got;
  return json_member(object, name, &value) && json_text(value, out, len, &got) && got == len;
}

/* Base64url and hexadecimal alike need no escapes when they are written into JSON again. */
static bool is_plain(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    char c = text[i];
    bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
    if (!plain) {
      return false;
    }
  }
  return true;
}

/* --- The factor: time and randomness come with each call, what is kept goes back with the reply -------------------- */

static bool read_random(struct json request, char random[SALT]) {
  struct json cx;
  return json_member(request, "cx", &cx) && read_exactly(cx, "random", random, SALT) && is_plain(random, SALT);
}

static bool read_enrolment(struct json request, char salt[SALT], char hash[HASH]) {
  struct json enrolment;
  return json_member(request, "enrolment", &enrolment) && read_exactly(enrolment, "salt", salt, SALT) &&
         read_exactly(enrolment, "hash", hash, HASH);
}

static void put_enrolment(enum_sink reply, const char salt[SALT], const char hash[HASH]) {
  say(reply, ENUM_OK, "{\"salt\":\"");
  put(reply, salt, SALT);
  say(reply, ENUM_OK, "\",\"hash\":\"");
  put(reply, hash, HASH);
  say(reply, ENUM_OK, "\"}");
}

static int32_t begin(struct json request, enum_sink reply) {
  char random[SALT], salt[SALT], hash[HASH];
  if (!read_random(request, random) || !read_enrolment(request, salt, hash)) {
    return fail(reply, "the request has no cx, or no enrolment of this plugin");
  }
  return say(reply, ENUM_OK, "{\"step\":\"ask\",\"page\":\"ask.html\",\"data\":{},\"state\":null}");
}

static int32_t answer(struct json request, enum_sink reply) {
  char random[SALT], salt[SALT], kept[HASH], typed[HASH];
  struct json input;
  struct pin pin;
  if (!read_random(request, random) || !read_enrolment(request, salt, kept) ||
      !json_member(request, "input", &input)) {
    return fail(reply, "the request has no cx, no enrolment of this plugin, or no input");
  }
  unsigned differs = 1;
  if (read_pin(input, "answer", &pin)) {
    hash_pin(&pin, salt, typed);
    differs = 0;
    for (size_t i = 0; i < HASH; i++) { /* all of it, so that the time tells nothing */
      differs |= (unsigned)(uint8_t)(kept[i] ^ typed[i]);
    }
  }
  return say(reply, ENUM_OK,
             differs == 0 ? "{\"step\":\"pass\",\"facts\":{\"amr\":[\"pin\"]}}" : "{\"step\":\"wrong\"}");
}

static int32_t enrol_begin(struct json request, enum_sink reply) {
  char random[SALT];
  if (!read_random(request, random)) {
    return fail(reply, "the request has no cx");
  }
  return say(reply, ENUM_OK, "{\"step\":\"ask\",\"page\":\"set.html\",\"data\":{},\"state\":null}");
}

static int32_t enrol_answer(struct json request, enum_sink reply) {
  char salt[SALT], hash[HASH];
  struct json input;
  struct pin pin, again;
  if (!read_random(request, salt) || !json_member(request, "input", &input)) {
    return fail(reply, "the request has no cx, or no input");
  }
  const char *problem = NULL;
  if (!read_pin(input, "answer", &pin)) {
    problem = "problem_form";
  } else if (!read_pin(input, "again", &again) || again.len != pin.len ||
             memcmp(pin.digits, again.digits, pin.len) != 0) {
    problem = "problem_again";
  }
  if (problem != NULL) {
    say(reply, ENUM_OK, "{\"step\":\"ask\",\"page\":\"set.html\",\"state\":null,\"data\":{\"problem\":\"");
    say(reply, ENUM_OK, problem);
    return say(reply, ENUM_OK, "\"}}");
  }
  hash_pin(&pin, salt, hash);
  say(reply, ENUM_OK, "{\"step\":\"pass\",\"facts\":{\"amr\":[\"pin\"]},\"enrolment\":");
  put_enrolment(reply, salt, hash);
  return say(reply, ENUM_OK, "}");
}

/* A hash that was made of no PIN: checking against it takes as long as against a real one, and nothing fits it. */
static int32_t decoy(struct json request, enum_sink reply) {
  char salt[SALT], hash[HASH];
  if (!read_random(request, salt)) {
    return fail(reply, "the request has no cx");
  }
  hash_pin(&(struct pin){"no PIN", 6}, salt, hash);
  say(reply, ENUM_OK, "{\"enrolling\":null,\"enrolment\":");
  put_enrolment(reply, salt, hash);
  return say(reply, ENUM_OK, "}");
}

/* A name that is there is mistyped. */
static const char NO_SETTINGS[] = "settings: this plugin has none, so it wants {}";

static int32_t check_settings(struct json settings, enum_sink reply) {
  return json_is_empty_object(settings) ? say(reply, ENUM_OK, "null") : fail(reply, NO_SETTINGS);
}

/* --- The table ---------------------------------------------------------------------------------------------------- */

static bool is(enum_bytes name, const char *other) {
  return name.len == strlen(other) && memcmp(name.ptr, other, name.len) == 0;
}

static int32_t call(void *self, enum_bytes method, enum_bytes text, enum_sink reply) {
  static const struct {
    const char *name;
    int32_t (*answer)(struct json request, enum_sink reply);
  } METHODS[] = {
      {"settings.check", check_settings},   {"factor.begin", begin}, {"factor.answer", answer},
      {"factor.enrol_begin", enrol_begin}, {"factor.enrol_answer", enrol_answer}, {"factor.decoy", decoy},
  };
  if (method.len == 0) {
    return ENUM_UNKNOWN;
  }
  if (is(method, "describe")) {
    put(reply, DESCRIPTION, sizeof DESCRIPTION - 1);
    return ENUM_OK;
  }
  for (size_t i = 0; i < sizeof METHODS / sizeof *METHODS; i++) {
    if (!is(method, METHODS[i].name)) {
      continue;
    }
    struct json request;
    if (self == NULL) {
      return fail(reply, "there is no instance");
    }
    if (!json_read(text.ptr, text.len, &request)) {
      return fail(reply, "the request is not JSON");
    }
    return METHODS[i].answer(request, reply);
  }
  return ENUM_UNKNOWN;
}

/* An instance holds nothing, so that many threads may use it; it only must not be null. */
static char instance;

static int32_t create(const enum_host *host, enum_bytes settings, void **self, enum_sink error) {
  struct json object;
  if (host == NULL || self == NULL) {
    return ENUM_ERROR;
  }
  if (!json_read(settings.ptr, settings.len, &object) || !json_is_empty_object(object)) {
    return fail(error, NO_SETTINGS);
  }
  *self = &instance;
  return ENUM_OK;
}

static void destroy(void *self) { (void)self; }

const enum_plugin *enum_plugin_v1(void) {
  static const enum_plugin TABLE = {
      .magic = ENUM_MAGIC,
      .major = ENUM_MAJOR,
      .minor = ENUM_MINOR,
      .size = sizeof(enum_plugin),
      .unwinds = 1, /* plain C raises nothing that could cross */
      .create = create,
      .call = call,
      .destroy = destroy,
  };
  return &TABLE;
}
