export { type Options, readOptions } from './options.js'

/** The options are those of the bench itself; what they mean here is a little less. */
export const usage = `npm run bench:tls -- [options]      (after npm run build; needs Linux)

  --rounds N     rounds, every second one in reverse order (5; 1 with --quick)
  --seconds S    seconds of handshakes per measurement (2; 0.5 with --quick)
  --only NAME    only this row, or all whose name begins so (ec, rsa-1.2, device); may be repeated
  --quick        one short round of everything: shows that all works, not what it costs
  --daemon FILE  the daemon to measure (dist/cli/main.js)
  --help         this text and the names of the rows

EXIT STATUS
  0 every handshake came to its end, 1 one failed or a server does not start, 2 wrong usage`
