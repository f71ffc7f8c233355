/* What the device was asked to do: the command line, read strictly, with the URL taken apart. */
#ifndef OTAD_DEVICE_OPTIONS_H
#define OTAD_DEVICE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "report.h"

typedef enum { FLOW_PLAIN, FLOW_PARTIAL, FLOW_RESUME } Flow;

typedef struct {
  char host[256];        /* as the certificate must name it: an IPv6 literal stands here without brackets */
  char host_header[272]; /* as the Host line has it: brackets, and the port unless it is 80 or 443 */
  char port[6];
  const char *path;
} Url;

typedef struct {
  Url url;
  const char *ca_file;
  const char *address; /* where to connect instead of asking the name service, or NULL */
  Flow flow;
  long chunk; /* 0 = no limit to one answer */
  long offset;
  const char *have_file;
  const char *out_file;
  bool new_connection_per_range;
  bool session_resume;
  long max_fragment; /* 0 = not asked for, as esp-tls leaves it */
  long timeout_ms;
  long chip_id; /* -1 = any chip */
} Options;

Outcome options_read(Options *options, Report *report, int count, char **arguments);

#endif
