/* What the device was asked to do: the command line, read strictly, with the URL taken apart. */
#ifndef OTAD_DEVICE_OPTIONS_H
#define OTAD_DEVICE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "report.h"

#define CIPHERSUITE_LIMIT 32

typedef enum { FLOW_PLAIN, FLOW_PARTIAL, FLOW_RESUME } Flow;
typedef enum { QUIT_NEVER, QUIT_AT_HELLO, QUIT_AT_CERTIFICATE } QuitPoint;

typedef struct {
  char host[256];        /* as the certificate must name it: an IPv6 literal stands here without brackets */
  char host_header[272]; /* as the Host line has it: brackets, and the port unless it is 80 or 443 */
  char port[6];
  const char *path;
} Url;

typedef struct {
  Url url;
  const char *ca_file;
  const char *certificate_file; /* the device's own, or NULL; never without key_file */
  const char *key_file;
  const char *session_file;
  const char *address; /* where to connect instead of asking the name service, or NULL */
  Flow flow;
  long chunk; /* 0 = no limit to one answer */
  long offset;
  const char *have_file;
  const char *out_file;
  bool new_connection_per_range;
  bool session_resume;
  bool check_dates;
  bool no_name_check;
  bool trust_bundle;
  int max_tls_minor; /* as mbedTLS counts: 1 = TLS 1.0 */
  int ciphersuites[CIPHERSUITE_LIMIT + 1]; /* ends with 0; nothing before it = those of ESP-IDF */
  QuitPoint quit_at;
  long handshakes; /* 0 = downloads instead */
  long max_fragment; /* 0 = not asked for, as esp-tls leaves it */
  long timeout_ms;
  long chip_id; /* -1 = any chip */
} Options;

Outcome options_read(Options *options, Report *report, int count, char **arguments);

#endif
