type Named = readonly [name: string, words: string]

/** What getLastError of HTTPUpdate (HTTPUpdate.h, ESP8266httpUpdate.h) and of HTTPClient (HTTPClient.h) gives. */
const HTTP_UPDATE: Readonly<Record<number, Named>> = {
  [-1]: ['HTTPC_ERROR_CONNECTION_REFUSED', 'no connection came about'],
  [-2]: ['HTTPC_ERROR_SEND_HEADER_FAILED', 'the request could not be sent'],
  [-3]: ['HTTPC_ERROR_SEND_PAYLOAD_FAILED', 'the request could not be sent'],
  [-4]: ['HTTPC_ERROR_NOT_CONNECTED', 'not connected'],
  [-5]: ['HTTPC_ERROR_CONNECTION_LOST', 'the connection was lost'],
  [-6]: ['HTTPC_ERROR_NO_STREAM', 'nothing to read from'],
  [-7]: ['HTTPC_ERROR_NO_HTTP_SERVER', 'what answered was no HTTP'],
  [-8]: ['HTTPC_ERROR_TOO_LESS_RAM', 'out of memory'],
  [-9]: ['HTTPC_ERROR_ENCODING', 'a transfer coding that is not supported'],
  [-10]: ['HTTPC_ERROR_STREAM_WRITE', 'flash could not be written'],
  [-11]: ['HTTPC_ERROR_READ_TIMEOUT', 'no answer came in time'],
  [-100]: ['HTTP_UE_TOO_LESS_SPACE', 'not enough space'],
  [-101]: ['HTTP_UE_SERVER_NOT_REPORT_SIZE', 'the server did not say the length'],
  [-102]: ['HTTP_UE_SERVER_FILE_NOT_FOUND', 'status 404'],
  [-103]: ['HTTP_UE_SERVER_FORBIDDEN', 'status 403'],
  [-104]: ['HTTP_UE_SERVER_WRONG_HTTP_CODE', 'a status that is neither 200 nor 304'],
  [-105]: ['HTTP_UE_SERVER_FAULTY_MD5', 'x-MD5 is no MD5'],
  [-106]: ['HTTP_UE_BIN_VERIFY_HEADER_FAILED', 'the file does not begin with 0xE9'],
  [-107]: ['HTTP_UE_BIN_FOR_WRONG_FLASH', 'the image is for a larger flash'],
  [-108]: ['HTTP_UE_SERVER_UNAUTHORIZED', 'status 401'],
  [-109]: ['HTTP_UE_SERVER_FAULTY_HASH', 'the digest of the server does not fit']
}

/** Update.getError() of arduino-esp32 (Update.h); the ESP8266 counts otherwise from 8 on and says it in words. */
const UPDATE: Readonly<Record<number, Named>> = {
  1: ['UPDATE_ERROR_WRITE', 'flash could not be written'],
  2: ['UPDATE_ERROR_ERASE', 'flash could not be erased'],
  3: ['UPDATE_ERROR_READ', 'flash could not be read'],
  4: ['UPDATE_ERROR_SPACE', 'not enough space'],
  5: ['UPDATE_ERROR_SIZE', 'too large for the slot, or empty'],
  6: ['UPDATE_ERROR_STREAM', 'nothing came for too long'],
  7: ['UPDATE_ERROR_MD5', 'the MD5 does not fit'],
  8: ['UPDATE_ERROR_MAGIC_BYTE', 'the file does not begin with 0xE9'],
  9: ['UPDATE_ERROR_ACTIVATE', 'the image in the slot is not valid'],
  10: ['UPDATE_ERROR_NO_PARTITION', 'there is no slot'],
  12: ['UPDATE_ERROR_ABORT', 'the body ended early'],
  13: ['UPDATE_ERROR_DECRYPT', 'it cannot be decrypted'],
  14: ['UPDATE_ERROR_SIGN', 'the signature is wrong']
}

/** ota_backend.h of ESPHome, printed decimal or as two hex digits. */
const ESPHOME: Readonly<Record<number, Named>> = {
  128: ['OTA_RESPONSE_ERROR_MAGIC', 'the file does not begin with 0xE9'],
  129: ['OTA_RESPONSE_ERROR_UPDATE_PREPARE', 'flash could not be prepared'],
  131: ['OTA_RESPONSE_ERROR_WRITING_FLASH', 'flash could not be written'],
  132: ['OTA_RESPONSE_ERROR_UPDATE_END', 'the image in the slot is not valid'],
  134: ['OTA_RESPONSE_ERROR_WRONG_CURRENT_FLASH_CONFIG', 'the flash of the device is set up wrongly'],
  135: ['OTA_RESPONSE_ERROR_WRONG_NEW_FLASH_CONFIG', 'the image is for a larger flash'],
  136: ['OTA_RESPONSE_ERROR_ESP8266_NOT_ENOUGH_SPACE', 'not enough space'],
  137: ['OTA_RESPONSE_ERROR_ESP32_NOT_ENOUGH_SPACE', 'not enough space'],
  138: ['OTA_RESPONSE_ERROR_NO_UPDATE_PARTITION', 'there is no slot'],
  139: ['OTA_RESPONSE_ERROR_MD5_MISMATCH', 'the MD5 does not fit']
}

const TABLES = { httpUpdate: HTTP_UPDATE, update: UPDATE, esphome: ESPHOME } as const

export function arduinoError(
  table: keyof typeof TABLES,
  value: number
): { readonly name: string; readonly words: string } | undefined {
  const known = TABLES[table][value]
  return known === undefined ? undefined : { name: known[0], words: known[1] }
}
