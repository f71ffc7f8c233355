import type { FastifyReply } from 'fastify'
import { printable } from '../words.js'

/** Longest body of an answer in plain text: some devices write whatever they get into flash, none reads more. */
const LONGEST_TEXT = 1000

/**
 * Answers with one short sentence in plain text. Its first byte is a letter or a digit, never 0xE9 or 0x1F:
 * ESP-IDF before 4.3 takes any body for an image (clients.md R29).
 */
export function sendText(reply: FastifyReply, status: number, sentence: string): FastifyReply {
  return reply
    .code(status)
    .header('content-type', 'text/plain; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('x-content-type-options', 'nosniff')
    .send(`${status} ${printable(sentence).slice(0, LONGEST_TEXT)}\n`)
}
