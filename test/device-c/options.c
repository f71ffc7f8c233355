#include "options.h"

#include <errno.h>
#include <mbedtls/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* max_http_request_size of ESP-IDF's advanced example: the size of an mbedTLS input record. */
#define DEFAULT_CHUNK 16384
#define DEFAULT_TIMEOUT_MS 5000

static const char usage[] =
    "usage: device https://HOST[:PORT]/PATH --ca ca_cert.pem [--resolve ADDRESS] [--flow plain|partial|resume]\n"
    "              [--chunk BYTES] [--offset BYTES --have FILE] [--out FILE] [--new-connection-per-range]\n"
    "              [--max-fragment 512|1024|2048|4096] [--timeout-ms MS] [--session-resume] [--chip-id N]\n"
    "              [--check-dates] [--no-name-check] [--trust-bundle] [--cert FILE --key FILE]\n"
    "              [--max-tls 1.0|1.1|1.2] [--ciphersuites NAME[,NAME...]] [--session-file FILE]\n"
    "              [--quit-at hello|certificate] [--handshakes N]\n";

static bool read_whole_number(const char *text, long least, long most, long *value) {
  char *end;
  errno = 0;
  *value = strtol(text, &end, 10);
  return errno == 0 && end != text && *end == '\0' && *value >= least && *value <= most;
}

static bool copy_span(char *into, size_t room, const char *from, size_t length) {
  if (length == 0 || length >= room) return false;
  memcpy(into, from, length);
  into[length] = '\0';
  return true;
}

static bool read_port(Url *url, const char *text, size_t length) {
  long port;
  return copy_span(url->port, sizeof url->port, text, length) && read_whole_number(url->port, 1, 65535, &port);
}

/* esp_http_client leaves out the two ports every client may leave out, whatever the scheme. */
static void write_host_header(Url *url) {
  bool is_ipv6 = strchr(url->host, ':') != NULL;
  bool names_port = strcmp(url->port, "443") != 0 && strcmp(url->port, "80") != 0;
  snprintf(url->host_header, sizeof url->host_header, "%s%s%s%s%s", is_ipv6 ? "[" : "", url->host, is_ipv6 ? "]" : "",
           names_port ? ":" : "", names_port ? url->port : "");
}

static bool read_url(Url *url, const char *text) {
  static const char scheme[] = "https://";
  if (strncmp(text, scheme, strlen(scheme)) != 0 || strchr(text, ' ') != NULL) return false;
  const char *host = text + strlen(scheme);
  size_t authority = strcspn(host, "/");
  url->path = host[authority] == '\0' ? "/" : host + authority;

  const char *host_end;
  const char *rest;
  if (*host == '[') {
    host++;
    authority--;
    host_end = memchr(host, ']', authority);
    if (host_end == NULL) return false;
    rest = host_end + 1;
  } else {
    const char *colon = memchr(host, ':', authority);
    host_end = colon == NULL ? host + authority : colon;
    rest = host_end;
  }
  if (!copy_span(url->host, sizeof url->host, host, (size_t)(host_end - host))) return false;

  const char *end = host + authority;
  if (rest == end) strcpy(url->port, "443");
  else if (*rest != ':' || !read_port(url, rest + 1, (size_t)(end - rest - 1))) return false;
  write_host_header(url);
  return true;
}

static bool read_flow(const char *text, Flow *flow) {
  if (strcmp(text, "plain") == 0) *flow = FLOW_PLAIN;
  else if (strcmp(text, "partial") == 0) *flow = FLOW_PARTIAL;
  else if (strcmp(text, "resume") == 0) *flow = FLOW_RESUME;
  else return false;
  return true;
}

/* RFC 6066 section 4 knows these four lengths and no other. */
static bool read_max_fragment(const char *text, long *value) {
  return read_whole_number(text, 512, 4096, value) && (*value & (*value - 1)) == 0;
}

static bool read_max_tls(const char *text, int *minor) {
  if (strcmp(text, "1.0") == 0) *minor = MBEDTLS_SSL_MINOR_VERSION_1;
  else if (strcmp(text, "1.1") == 0) *minor = MBEDTLS_SSL_MINOR_VERSION_2;
  else if (strcmp(text, "1.2") == 0) *minor = MBEDTLS_SSL_MINOR_VERSION_3;
  else return false;
  return true;
}

static bool read_quit_point(const char *text, QuitPoint *point) {
  if (strcmp(text, "hello") == 0) *point = QUIT_AT_HELLO;
  else if (strcmp(text, "certificate") == 0) *point = QUIT_AT_CERTIFICATE;
  else return false;
  return true;
}

static bool read_ciphersuites(const char *text, int *suites) {
  size_t count = 0;
  for (;;) {
    char name[64];
    size_t length = strcspn(text, ",");
    if (count == CIPHERSUITE_LIMIT || !copy_span(name, sizeof name, text, length)) return false;
    suites[count] = mbedtls_ssl_get_ciphersuite_id(name);
    if (suites[count++] == 0) return false;
    if (text[length] == '\0') break;
    text += length + 1;
  }
  suites[count] = 0;
  return true;
}

static bool read_switch(Options *options, const char *name) {
  if (strcmp(name, "--new-connection-per-range") == 0) options->new_connection_per_range = true;
  else if (strcmp(name, "--session-resume") == 0) options->session_resume = true;
  else if (strcmp(name, "--check-dates") == 0) options->check_dates = true;
  else if (strcmp(name, "--no-name-check") == 0) options->no_name_check = true;
  else if (strcmp(name, "--trust-bundle") == 0) options->trust_bundle = true;
  else return false;
  return true;
}

static bool read_tls_setting(Options *options, const char *name, const char *value) {
  if (strcmp(name, "--cert") == 0) options->certificate_file = value;
  else if (strcmp(name, "--key") == 0) options->key_file = value;
  else if (strcmp(name, "--session-file") == 0) options->session_file = value;
  else if (strcmp(name, "--max-tls") == 0) return read_max_tls(value, &options->max_tls_minor);
  else if (strcmp(name, "--ciphersuites") == 0) return read_ciphersuites(value, options->ciphersuites);
  else if (strcmp(name, "--quit-at") == 0) return read_quit_point(value, &options->quit_at);
  else if (strcmp(name, "--handshakes") == 0) return read_whole_number(value, 1, 1000000, &options->handshakes);
  else return false;
  return true;
}

static bool read_setting(Options *options, const char *name, const char *value) {
  if (strcmp(name, "--ca") == 0) options->ca_file = value;
  else if (strcmp(name, "--resolve") == 0) options->address = value;
  else if (strcmp(name, "--have") == 0) options->have_file = value;
  else if (strcmp(name, "--out") == 0) options->out_file = value;
  else if (strcmp(name, "--flow") == 0) return read_flow(value, &options->flow);
  else if (strcmp(name, "--chunk") == 0) return read_whole_number(value, 1, 1L << 30, &options->chunk);
  else if (strcmp(name, "--offset") == 0) return read_whole_number(value, 0, 1L << 30, &options->offset);
  else if (strcmp(name, "--timeout-ms") == 0) return read_whole_number(value, 1, 3600000, &options->timeout_ms);
  else if (strcmp(name, "--chip-id") == 0) return read_whole_number(value, 0, 0xffff, &options->chip_id);
  else if (strcmp(name, "--max-fragment") == 0) return read_max_fragment(value, &options->max_fragment);
  else return read_tls_setting(options, name, value);
  return true;
}

static Outcome refuse(Report *report, const char *what, const char *text) {
  fputs(usage, stderr);
  return fail(report, WRONG_USAGE, "%s: %s", what, text);
}

Outcome options_read(Options *options, Report *report, int count, char **arguments) {
  *options = (Options){
      .timeout_ms = DEFAULT_TIMEOUT_MS, .chip_id = -1, .max_tls_minor = MBEDTLS_SSL_MINOR_VERSION_3};
  const char *url = NULL;
  for (int at = 1; at < count; at++) {
    const char *argument = arguments[at];
    if (read_switch(options, argument)) continue;
    if (strncmp(argument, "--", 2) != 0) {
      if (url != NULL) return refuse(report, "one URL is enough", argument);
      url = argument;
      continue;
    }
    if (at + 1 == count) return refuse(report, "unknown, or without its value", argument);
    if (!read_setting(options, argument, arguments[++at])) return refuse(report, "not understood", argument);
  }
  if (url == NULL || options->ca_file == NULL) return refuse(report, "missing", "the URL or --ca");
  if (!read_url(&options->url, url)) return refuse(report, "not an https URL a device could use", url);
  if (options->offset > 0 && options->have_file == NULL) return refuse(report, "missing", "--have for --offset");
  if ((options->certificate_file == NULL) != (options->key_file == NULL)) {
    return refuse(report, "missing", "--cert and --key go together");
  }
  if (options->flow == FLOW_PARTIAL && options->chunk == 0) options->chunk = DEFAULT_CHUNK;
  return DONE;
}
