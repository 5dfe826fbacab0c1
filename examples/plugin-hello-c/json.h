/* As much of JSON (RFC 8259) as a plugin needs to read: is it JSON, and what is the text of this member.
 * Nothing is allocated, nothing is read outside of the message. */
#ifndef HELLO_JSON_H
#define HELLO_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* One value inside a message, without the white space around it. */
struct json {
  const uint8_t *at;
  const uint8_t *end;
};

/* Values inside of values, at most: a message must not use up the stack. */
enum { JSON_DEPTH = 32 };

static void json_skip_space(struct json *rest) {
  while (rest->at < rest->end && (*rest->at == ' ' || *rest->at == '\t' || *rest->at == '\n' || *rest->at == '\r')) {
    rest->at++;
  }
}

static bool json_take(struct json *rest, char c) {
  json_skip_space(rest);
  if (rest->at == rest->end || *rest->at != (uint8_t)c) {
    return false;
  }
  rest->at++;
  return true;
}

static int json_hex(uint8_t c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool json_skip_text(struct json *rest) {
  if (!json_take(rest, '"')) {
    return false;
  }
  while (rest->at < rest->end) {
    uint8_t c = *rest->at++;
    if (c == '"') {
      return true;
    }
    if (c < 0x20) {
      return false;
    }
    if (c != '\\') {
      continue;
    }
    if (rest->at == rest->end) {
      return false;
    }
    c = *rest->at++;
    if (c == 'u') {
      for (int i = 0; i < 4; i++) {
        if (rest->at == rest->end || json_hex(*rest->at++) < 0) {
          return false;
        }
      }
    } else if (c == 0 || strchr("\"\\/bfnrt", c) == NULL) {
      return false;
    }
  }
  return false;
}

static size_t json_skip_digits(struct json *rest) {
  const uint8_t *start = rest->at;
  while (rest->at < rest->end && *rest->at >= '0' && *rest->at <= '9') {
    rest->at++;
  }
  return (size_t)(rest->at - start);
}

static bool json_skip_number(struct json *rest) {
  if (*rest->at == '-') {
    rest->at++;
  }
  if (json_skip_digits(rest) == 0) {
    return false;
  }
  if (rest->at < rest->end && *rest->at == '.') {
    rest->at++;
    if (json_skip_digits(rest) == 0) {
      return false;
    }
  }
  if (rest->at < rest->end && (*rest->at == 'e' || *rest->at == 'E')) {
    rest->at++;
    if (rest->at < rest->end && (*rest->at == '+' || *rest->at == '-')) {
      rest->at++;
    }
    return json_skip_digits(rest) > 0;
  }
  return true;
}

static bool json_skip_word(struct json *rest, const char *word) {
  size_t len = strlen(word);
  if ((size_t)(rest->end - rest->at) < len || memcmp(rest->at, word, len) != 0) {
    return false;
  }
  rest->at += len;
  return true;
}

static bool json_skip(struct json *rest, int depth);

/* What stands between the brackets of an object or array. */
static bool json_skip_inside(struct json *rest, char close, bool named, int depth) {
  if (json_take(rest, close)) {
    return true;
  }
  do {
    if (named && !(json_skip_text(rest) && json_take(rest, ':'))) {
      return false;
    }
    if (!json_skip(rest, depth - 1)) {
      return false;
    }
  } while (json_take(rest, ','));
  return json_take(rest, close);
}

/* Moves behind the next value. */
static bool json_skip(struct json *rest, int depth) {
  json_skip_space(rest);
  if (rest->at == rest->end || depth <= 0) {
    return false;
  }
  switch (*rest->at) {
  case '{':
    rest->at++;
    return json_skip_inside(rest, '}', true, depth);
  case '[':
    rest->at++;
    return json_skip_inside(rest, ']', false, depth);
  case '"':
    return json_skip_text(rest);
  case 't':
    return json_skip_word(rest, "true");
  case 'f':
    return json_skip_word(rest, "false");
  case 'n':
    return json_skip_word(rest, "null");
  default:
    return json_skip_number(rest);
  }
}

/* A whole message: one value, and nothing behind it. All other functions take values that came from here. */
static bool json_read(const uint8_t *text, size_t len, struct json *value) {
  if (text == NULL || len == 0) {
    return false;
  }
  struct json rest = {text, text + len};
  json_skip_space(&rest);
  value->at = rest.at;
  if (!json_skip(&rest, JSON_DEPTH)) {
    return false;
  }
  value->end = rest.at;
  json_skip_space(&rest);
  return rest.at == rest.end;
}

/* The member of an object; false if it is no object, or has no such member. Names with escapes in them match nothing. */
static bool json_member(struct json object, const char *name, struct json *value) {
  struct json rest = object;
  size_t len = strlen(name);
  if (!json_take(&rest, '{') || json_take(&rest, '}')) {
    return false;
  }
  do {
    json_skip_space(&rest);
    const uint8_t *key = rest.at + 1;
    if (!json_skip_text(&rest)) {
      return false;
    }
    bool found = (size_t)(rest.at - 1 - key) == len && memcmp(key, name, len) == 0;
    if (!json_take(&rest, ':')) {
      return false;
    }
    json_skip_space(&rest);
    const uint8_t *start = rest.at;
    if (!json_skip(&rest, JSON_DEPTH)) {
      return false;
    }
    if (found) {
      *value = (struct json){start, rest.at};
      return true;
    }
  } while (json_take(&rest, ','));
  return false;
}

static bool json_is_empty_object(struct json value) {
  return json_take(&value, '{') && json_take(&value, '}') && value.at == value.end;
}

/* Copies a text of at most `size` bytes, without a terminator. False if it is no text, is longer, or holds an escape
 * beyond ASCII, which no text that this plugin looks for has. */
static bool json_text(struct json value, char *out, size_t size, size_t *len) {
  if (value.at == value.end || *value.at != '"') {
    return false;
  }
  const uint8_t *at = value.at + 1, *end = value.end - 1;
  *len = 0;
  while (at < end) {
    uint8_t c = *at++;
    if (c == '\\') { /* json_read has seen what follows: it is complete */
      c = *at++;
      switch (c) {
      case 'b': c = '\b'; break;
      case 'f': c = '\f'; break;
      case 'n': c = '\n'; break;
      case 'r': c = '\r'; break;
      case 't': c = '\t'; break;
      case 'u': {
        int code = 0;
        for (int i = 0; i < 4; i++) {
          code = code * 16 + json_hex(*at++);
        }
        if (code > 0x7f) {
          return false;
        }
        c = (uint8_t)code;
        break;
      }
      default: break;
      }
    }
    if (*len == size) {
      return false;
    }
    out[(*len)++] = (char)c;
  }
  return true;
}

#endif
