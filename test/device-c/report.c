#include "report.h"

#include <stdarg.h>
#include <stdio.h>

Outcome fail(Report *report, Outcome outcome, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(report->error, sizeof report->error, format, arguments);
  va_end(arguments);
  fprintf(stderr, "%s\n", report->error);
  return outcome;
}

/* Bytes that are no printable ASCII go out as escapes: an error may quote what a stranger sent. */
static void print_text_or_null(const char *text) {
  if (text[0] == '\0') {
    fputs("null", stdout);
    return;
  }
  putchar('"');
  for (; *text != '\0'; text++) {
    unsigned char byte = (unsigned char)*text;
    if (byte == '"' || byte == '\\') printf("\\%c", byte);
    else if (byte < 0x20 || byte > 0x7e) printf("\\u%04x", byte);
    else putchar(byte);
  }
  putchar('"');
}

static void print_status(int status) {
  if (status == 0) fputs("null", stdout);
  else printf("%d", status);
}

void report_print(const Report *report) {
  fputs("{\"status\":", stdout);
  print_status(report->status);
  printf(",\"bytes\":%zu,\"sha256\":\"%s\",\"requests\":%u,\"connections\":%u,\"tls\":", report->bytes, report->sha256,
         report->requests, report->connections);
  print_text_or_null(report->tls);
  fputs(",\"ciphersuite\":", stdout);
  print_text_or_null(report->ciphersuite);
  printf(",\"maxRecord\":%zu,\"handshakeMs\":%.1f,\"resumed\":%s,\"error\":", report->max_record, report->handshake_ms,
         report->resumed ? "true" : "false");
  print_text_or_null(report->error);
  printf(",\"handshakes\":%u,\"handshakesMs\":%.1f}\n", report->handshakes, report->handshakes_ms);
}
