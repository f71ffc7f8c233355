/**
 * errno as a device prints it. It has newlib's numbering (newlib sys/errno.h), not that of Linux: 113 is no "no route to host" there.
 * lwIP maps its own errors to them (esp-lwip src/api/err.c), and strerror has words that nobody expects.
 */
const ERRNOS: Readonly<Record<number, readonly [name: string, words: string]>> = {
  11: ['EAGAIN', 'nothing came in time (newlib calls it "No more processes")'],
  12: ['ENOMEM', 'out of memory'],
  23: ['ENFILE', 'no socket is free'],
  104: ['ECONNRESET', 'the other end reset the connection'],
  105: ['ENOBUFS', 'no network buffer is free'],
  111: ['ECONNREFUSED', 'the other end refused the connection'],
  113: ['ECONNABORTED', 'the device gave up, since nothing answered (on Linux the number means something else)'],
  114: ['ENETUNREACH', 'the device has no way into that network'],
  116: ['ETIMEDOUT', 'it took too long'],
  118: ['EHOSTUNREACH', 'no way to that host'],
  119: ['EINPROGRESS', 'still connecting when the time was up'],
  127: ['EISCONN', 'connected already'],
  128: ['ENOTCONN', 'the connection is closed']
}

export function errnoName(value: number): { readonly name: string; readonly words: string } | undefined {
  const known = ERRNOS[value]
  return known === undefined ? undefined : { name: known[0], words: known[1] }
}
