/* What one run of the device came to: kept while it happens, printed as one JSON line at its end. */
#ifndef OTAD_DEVICE_REPORT_H
#define OTAD_DEVICE_REPORT_H

#include <stdbool.h>
#include <stddef.h>

/* Also the exit status of the program. */
typedef enum {
  DONE = 0,
  WRONG_USAGE = 2,
  HANDSHAKE_FAILED = 10,
  CANNOT_CONNECT = 11,
  ANSWER_REFUSED = 12,
  IMAGE_REFUSED = 13,
  TRANSFER_BROKEN = 14
} Outcome;

typedef struct {
  int status; /* of the last answer, 0 while there was none */
  size_t bytes;
  char sha256[65];
  unsigned requests;
  unsigned connections;
  char tls[16];
  char ciphersuite[64];
  size_t max_record;
  double handshake_ms; /* of the first handshake, a resumed one only when its session came from a file */
  bool resumed;
  char error[512];
  unsigned handshakes;
  double handshakes_ms; /* a whole handshake holds a delayed ACK of 40 ms: esp-tls leaves Nagle's algorithm on too */
} Report;

/* Says on stderr what went wrong, keeps it as the error of the run, and hands back the outcome. */
Outcome fail(Report *report, Outcome outcome, const char *format, ...) __attribute__((format(printf, 3, 4)));

void report_print(const Report *report);

#endif
