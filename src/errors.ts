/** Stable codes of everything that an operator can put right; the README explains each. */
export const OPERATOR_ERROR_CODES = [
  'OTAD_ERR_USAGE',
  'OTAD_ERR_UNKNOWN_SETTING',
  'OTAD_ERR_BAD_SETTING',
  'OTAD_ERR_BAD_SETTINGS_FILE',
  'OTAD_ERR_BAD_FOLDER',
  'OTAD_ERR_NO_SUCH_FILE',
  'OTAD_ERR_PORT_IN_USE',
  'OTAD_ERR_PORT_NOT_ALLOWED',
  'OTAD_ERR_BAD_HOST',
  'OTAD_ERR_STATE_NOT_WRITABLE',
  'OTAD_ERR_STATE_IN_USE',
  'OTAD_ERR_CERTS_NOT_WRITABLE',
  'OTAD_ERR_KEY_UNREADABLE',
  'OTAD_ERR_KEY_MISSING',
  'OTAD_ERR_KEY_MISMATCH',
  'OTAD_ERR_BAD_CERTIFICATE',
  'OTAD_ERR_BAD_CREDENTIALS',
  'OTAD_ERR_NO_SUCH_RELEASE',
  'OTAD_ERR_NOT_RUNNING',
  'OTAD_ERR_TIMEOUT',
  'OTAD_ERR_UNREACHABLE'
] as const
export type OperatorErrorCode = (typeof OPERATOR_ERROR_CODES)[number]

/** Mistakes in what was asked for, as opposed to what the machine could not do: they end with exit code 2. */
const USAGE_CODES: ReadonlySet<OperatorErrorCode> = new Set([
  'OTAD_ERR_USAGE',
  'OTAD_ERR_UNKNOWN_SETTING',
  'OTAD_ERR_BAD_SETTING',
  'OTAD_ERR_BAD_SETTINGS_FILE',
  'OTAD_ERR_BAD_HOST',
  'OTAD_ERR_NO_SUCH_RELEASE'
])

/**
 * Something the operator can fix: a stable code, one sentence that names the thing, and a hint, the one thing to do now.
 * Anyone may throw it; only `cli/run.ts` catches it, and prints it without a stack.
 */
export class OperatorError extends Error {
  readonly code: OperatorErrorCode
  readonly hint: string

  constructor(code: OperatorErrorCode, sentence: string, hint: string, options?: ErrorOptions) {
    super(sentence, options)
    this.name = 'OperatorError'
    this.code = code
    this.hint = hint
  }

  /** 2 for wrong usage or settings, 1 for everything else that stops a command. */
  get exitCode(): 1 | 2 {
    return USAGE_CODES.has(this.code) ? 2 : 1
  }
}

/** The `code` of a Node system error (`ENOENT`, `EADDRINUSE`), or undefined for anything else that was thrown. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof OperatorError || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
