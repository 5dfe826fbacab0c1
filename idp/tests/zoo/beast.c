/* A plugin that misbehaves on demand.
 *
 * Defects of the file or of its table are chosen when it is compiled (-DWRONG_MAJOR and so on); what it does in a call
 * is chosen by a word in the request. */
#define _GNU_SOURCE
#include "enum_plugin.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
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

static void *log_once(void *known) {
  *(int *)known = log_line("{\"level\":\"debug\",\"message\":\"from a thread\"}") == ENUM_OK;
  return 0;
}

/* Whether a thread of its own reaches the host while the host waits for the call. */
static int logs_from_a_thread(void) {
  pthread_t thread;
  int known = 0;
  return pthread_create(&thread, 0, log_once, &known) == 0 && pthread_join(thread, 0) == 0 && known;
}

static void *chat(void *count) {
  for (int i = 0; i < 2000; i++, usleep(50))
    log_line("{\"level\":\"debug\",\"message\":\"still here\"}");
  return count;
}

/* Leaves a thread behind that goes on to call the host, whether anybody listens or not. */
static int chats(void) {
  pthread_t thread;
  return pthread_create(&thread, 0, chat, 0) == 0 && pthread_detach(thread) == 0;
}

/* What should be out of reach from a process of its own: each is 1 if it worked. */

static int connects(int port) {
  struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  int worked = fd >= 0 && connect(fd, (struct sockaddr *)&there, sizeof there) == 0;
  if (fd >= 0)
    close(fd);
  return worked;
}

static int opens(const char *path, int flags) {
  int fd = open(path, flags, 0600);
  if (fd >= 0)
    close(fd);
  return fd >= 0;
}

static int forks(void) {
  pid_t child = fork();
  if (child == 0)
    _exit(0);
  return child > 0 && waitpid(child, 0, 0) == child;
}

static int spawns(void) {
  pid_t child;
  char *arguments[] = {"true", 0};
  return posix_spawn(&child, "/bin/true", 0, 0, arguments, environ) == 0 && waitpid(child, 0, 0) == child;
}

/* `what` may be followed by one word, up to the quote that ends the string in the request. */
static int reaches(const char *what) {
  char word[512];
  if (sscanf(what, "connect %511[^\"]", word) == 1)
    return connects(atoi(word));
  if (sscanf(what, "read %511[^\"]", word) == 1)
    return opens(word, O_RDONLY);
  if (sscanf(what, "create %511[^\"]", word) == 1)
    return opens(word, O_WRONLY | O_CREAT);
  if (sscanf(what, "signal %511[^\"]", word) == 1)
    return kill(atoi(word), 0) == 0;
  if (strncmp(what, "fork", 4) == 0)
    return forks();
  if (strncmp(what, "spawn", 5) == 0)
    return spawns();
  if (strncmp(what, "environment", 11) == 0)
    return environ && *environ;
  abort();
}

static volatile int depth;
static int dig(int from) {
  volatile char hole[4096];
  hole[0] = (char)from;
  depth++;
  return dig(from + 1) + hole[0];
}

static int32_t misbehave(enum_bytes json, enum_sink reply) {
#define TOLD(word) (memmem(json.ptr, json.len, word, strlen(word)) != 0)
  /* A lamb is good, whatever word its random bytes happen to spell. */
  if (TOLD("\"enrolment\":\"lamb\"")) {
    say(reply, ASK);
    return ENUM_OK;
  }
  /* These end the process that they happen in. */
  if (TOLD("abort"))
    abort();
  if (TOLD("segfault"))
    *(volatile int *)(size_t)8 = 1;
  if (TOLD("exit"))
    exit(7);
  if (TOLD("dig"))
    return dig(0);
  if (TOLD("devour"))
    for (;;)
      memset(malloc(16 << 20), 1, 16 << 20);
  /* These talk to the host past the contract, on whatever is open. */
  if (TOLD("forge a length"))
    for (int fd = 3; fd < 16; fd++)
      (void)!write(fd, "\x43\xff\xff\xff\xff", 5);
  if (TOLD("forge a kind"))
    for (int fd = 3; fd < 16; fd++)
      (void)!write(fd, "\x00\x00\x00\x00\x00", 5);
  if (TOLD("cut the line"))
    for (int fd = 3; fd < 16; fd++)
      close(fd);
  const char *reach = memmem(json.ptr, json.len, "reach: ", 7);
  if (reach) {
    char what[600] = "";
    size_t length = (const char *)json.ptr + json.len - (reach + 7);
    memcpy(what, reach + 7, length < sizeof what ? length : sizeof what - 1);
    say(reply, reaches(what) ? "{\"step\":\"fail\",\"reason\":\"reached\"}" : "{\"step\":\"wrong\"}");
    return ENUM_OK;
  }
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
  if (TOLD("somebody else's")) {
    say(reply, "{\"step\":\"pass\",\"facts\":{},\"enrolment\":{},\"enrolled\":\"not handed\"}");
    return ENUM_OK;
  }
  if (TOLD("boast")) {
    say(reply, "{\"step\":\"pass\",\"facts\":{\"amr\":[\"hwk\",\"otp\",\"fpt\"]},\"x_later\":1}");
    return ENUM_OK;
  }
  if (TOLD("sideways")) {
    say(reply, logs_from_a_thread() ? "{\"step\":\"wrong\"}" : "{\"step\":\"fail\",\"reason\":\"log\"}");
    return ENUM_OK;
  }
  if (TOLD("chat")) {
    say(reply, chats() ? "{\"step\":\"wrong\"}" : "{\"step\":\"fail\",\"reason\":\"thread\"}");
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

#ifdef STARTS_WITH
__attribute__((constructor)) static void start(void) { STARTS_WITH; }
#endif

static int32_t create(const enum_host *host, enum_bytes settings, void **self, enum_sink error) {
  static int instance;
  the_host = host;
#ifdef CREATE_ABORTS
  abort();
#endif
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
