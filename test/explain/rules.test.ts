import { describe, expect, it } from 'vitest'
import { explainLog } from '../../src/explain/explain-log.js'
import { RULES } from '../../src/explain/rules.js'

/** Lines as devices print them, by the rule that has to be found: clients.md, real-client.md, image-format.md and the threads of peers.md 3. */
const LINES: Readonly<Record<string, readonly string[]>> = {
  'same-version': [
    'W (600) native_ota_example: Current running version is the same as a new. We will not continue the update.'
  ],
  'not-modified': [
    'I (9) esp_https_ota: OTA image not modified since last request (status code: 304)',
    'HTTP_UPDATE_NO_UPDATES'
  ],
  'nothing-newer': ['I (9) GHOTA: No New Version Available', 'isNewVersion : 0 '],
  'no-wifi': [
    '[E][http_request.idf:50]: HTTP Request failed; Not connected to network',
    'E (9) example_connect: WiFi Connect failed 7 times, stop reconnect.'
  ],
  // Wi-Fi that is lost counts once something fails for it.
  'wifi-lost': [
    'I (11800) wifi:state: run -> init (c800)\nE (16910) esp_https_ota: data read -1, errno 113',
    'W (3000) wifi station: disconnected, reason 8\nE (22023) esp-tls: [sock=54] connect() error: Host is unreachable',
    '[ 9][W][WiFiGeneric.cpp:1062] _eventCallback(): Reason: 200 - BEACON_TIMEOUT\n[ 9][E][WiFiClient.cpp:275] connect(): socket error on fd 54, errno: 118, "Host is unreachable"'
  ],
  'push-upload': [
    '[ERROR]: Error Uploading: [Errno 104] Connection reset by peer',
    '[ERROR]: No response from the ESP'
  ],
  'no-answer': [
    'E (20564) esp-tls: Failed to connnect to host (errno 113)',
    'E (9) esp-tls: Failed to connect to host (errno 118)',
    'E (9) esp-tls: [sock=54] delayed connect error: Software caused connection abort',
    'E (9) esp-tls: [sock=54] connect() error: Host is unreachable',
    '[  9][E][WiFiClient.cpp:275] connect(): socket error on fd 54, errno: 113, "Software caused connection abort"'
  ],
  'port-closed': [
    'E (9) esp-tls: Failed to connnect to host (errno 104)',
    'E (9) esp-tls: [sock=54] delayed connect error: Connection reset by peer',
    '[  9][E][NetworkClient.cpp:275] connect(): socket error on fd 54, errno: 104, "Connection reset by peer"',
    '[ 19009][E][ssl_client.cpp:118] start_ssl_client(): socket error on fd 48, errno: 104, "Connection reset by peer"'
  ],
  'connect-timeout': [
    'E (9) esp-tls: [sock=54] select() timeout',
    'E (9) app: Last esp error code: 0x8006',
    'E (9) esp-tls: Failed to connnect to host (errno 119)',
    '[  9][I][WiFiClient.cpp:253] connect(): select returned due to timeout 3000 ms for fd 48',
    '[ 19009][E][ssl_client.cpp:129] start_ssl_client(): Select returned due to timeout 5000 ms for fd 48'
  ],
  'slow-connection': ['W (9) esp-tls: Failed to open new connection in specified timeout'],
  'connect-failed': [
    'E (9) app: Last esp error code: 0x8004',
    'E (9) esp-tls: [sock=54] delayed connect error: Unknown',
    '[E][ssl_client.cpp:87] start_ssl_client(): Connect to Server failed!'
  ],
  'unknown-host': [
    "E (9) esp-tls: couldn't get hostname for :otad.local: getaddrinfo() returns 202, addrinfo=0x0",
    '[  9][E][WiFiGeneric.cpp:1583] hostByName(): DNS Failed for otad.local'
  ],
  'bad-url': [
    'E (9) HTTP_CLIENT: Error parse url 192.168.1.8/a.bin',
    "[E][http_request.ota:250]: URL is invalid and/or must be prefixed with 'http://' or 'https://'"
  ],
  'no-socket': ['E (9) esp-tls: Failed to create socket (family 2 socktype 1 protocol 0)'],
  'arduino-connect': [
    'HTTP_UPDATE_FAILD Error (-1): HTTP error: connection refused',
    '[HTTP] GET failed, HTTP error code -1'
  ],
  'certificate-name': [
    'I (9) esp-tls-mbedtls: verification info:   ! The certificate Common Name (CN) does not match with the expected CN',
    'OTA: TLS connection error 56'
  ],
  'certificate-trust': [
    'I (9) esp-tls: verification info:   ! The certificate is not correctly signed by the trusted CA',
    'OTA: TLS connection error 62'
  ],
  'certificate-dates': [
    'I (9) esp-tls-mbedtls: verification info:   ! The certificate validity starts in the future',
    'BSSL:_connectSSL: Certificate is expired or not yet valid.'
  ],
  'certificate-weak': [
    'I (9) esp-tls-mbedtls: verification info:   ! The certificate is signed with an unacceptable hash.'
  ],
  'certificate-not-in-bundle': [
    'E (9) esp-tls-mbedtls: mbedtls_ssl_handshake returned -0x3000',
    'I (9) esp-x509-crt-bundle: No matching trusted root certificate found',
    '[ 9][E][ssl_client.cpp:37] _handle_error(): [start_ssl_client():273]: (-12288) X509 - A fatal error occurred'
  ],
  'certificate-use': [
    'E (9) esp-tls: mbedtls_ssl_handshake returned -0x7A00',
    'E (9) esp-tls: mbedtls_ssl_handshake returned -0x7a00'
  ],
  'certificate-refused': [
    'E (9) esp-tls: mbedtls_ssl_handshake returned -0x2700',
    'I (9) esp-tls: Failed to verify peer certificate!',
    '[ 9][E][ssl_client.cpp:37] _handle_error(): [start_ssl_client():273]: (-9984) X509 - Certificate verification failed, e.g. CRL, CA or signature check failed'
  ],
  'certificate-unreadable': [
    'E (9) esp-tls-mbedtls: mbedtls_x509_crt_parse of CA cert returned -0x2180',
    'E (9) esp-tls-mbedtls: mbedtls_x509_crt_parse_file failed returned -0x262E',
    'E (9) esp-tls-mbedtls: Failed to set client configurations, returned [0x8015] (ESP_ERR_MBEDTLS_X509_CRT_PARSE_FAILED)'
  ],
  'client-certificate-unreadable': ['E (9) esp-tls-mbedtls: mbedtls_pk_parse_keyfile returned -0x3D00'],
  'no-verification': [
    'E (9) esp_https_ota: No option for server verification is enabled in esp_http_client config.',
    'E (9) esp_https_ota: Server certificate not found in esp_http_client config'
  ],
  'plain-port': [
    'E (9) esp-tls-mbedtls: mbedtls_ssl_handshake returned -0x7200',
    '[ 9][E][ssl_client.cpp:37] _handle_error(): [start_ssl_client():273]: (-29184) SSL - An invalid SSL record was received'
  ],
  'record-too-large': [
    'E (9) esp-tls-mbedtls: read error :-0x7100:',
    'E (9) TRANS_SSL: esp_tls_conn_read error -0x7200',
    '[ 28917][E][ssl_client.cpp:37] _handle_error(): [data_to_read():361]: (-28928) SSL - Bad input parameters to function'
  ],
  'split-handshake': ['E (9) esp-tls: mbedtls_ssl_handshake returned -0x7080'],
  'tls-memory': [
    'E (9) esp-tls: mbedtls_ssl_handshake returned -0x7F00',
    'E (9) esp-tls: mbedtls_ssl_handshake returned -0x008D',
    '[ 9][E][ssl_client.cpp:37] _handle_error(): [start_ssl_client():273]: (-32512) SSL - Memory allocation failed'
  ],
  'server-alert': [
    'E (9) esp-tls: mbedtls_ssl_handshake returned -0x7780',
    '[ 9][E][ssl_client.cpp:37] _handle_error(): [start_ssl_client():273]: (-30592) SSL - A fatal alert message was received from our peer'
  ],
  'tls-closed': [
    'E (9) esp-tls: mbedtls_ssl_handshake returned -0x7280',
    'E (9) esp-tls: mbedtls_ssl_handshake returned -0x0050',
    '[ 9][E][ssl_client.cpp:37] _handle_error(): [start_ssl_client():273]: (-80) UNKNOWN ERROR CODE (0050)'
  ],
  'tls-reset': ['E (9) esp-tls-mbedtls: read error :-0x7280:'],
  'handshake-timeout': ['E (9) esp-tls: mbedtls_ssl_handshake returned -0x6800'],
  'handshake-failed': [
    'E (9) esp-tls: mbedtls_ssl_handshake returned -0x6100',
    'E (9) app: Last esp error code: 0x801a'
  ],
  'tls-setup-failed': ['E (9) esp-tls: create_ssl_handle failed'],
  'url-too-long': ['E (9) HTTP_CLIENT: Out of buffer'],
  'not-found': [
    'E (9) esp_https_ota: File not found(404)',
    'HTTP_UPDATE_FAILED Error (-102): File Not Found (404)',
    '[E][http_request.idf:142]: HTTP Request failed; URL: http://192.168.1.8/a.bin; Code: 404',
    '[ 9][E][esp32FOTA.cpp:880] getHTTPStream(): Status: 404 (Not Found), also a palindrom, check path in manifest?'
  ],
  forbidden: ['E (9) esp_https_ota: File not found(403)', 'HTTP_UPDATE_FAILED Error (-103): Forbidden (403)'],
  unauthorized: [
    'E (9) esp_https_ota: Reached max_authorization_retries (401)',
    '[E][http_request.idf:142]: HTTP Request failed; URL: http://a/b; Code: 401'
  ],
  'range-refused': [
    'I (9) esp_https_ota: Requested range is incorrect (status code: 416)',
    'I (9) esp_https_ota: Falling back to OTA without resumption and restarting download from beginning'
  ],
  'range-refused-midway': ['E (9) esp_https_ota: Client error (416)'],
  'range-ignored': ['W (9) esp_https_ota: Server ignored the requested Range header'],
  'head-refused': ['E (9) esp_https_ota: Received incorrect http status 405'],
  'no-length': [
    'E (9) esp_https_ota: Failed to get image length from http response',
    'content size error ',
    'HTTP_UPDATE_FAILED Error (-101): Server Did Not Report Size',
    "[ 9][E][HTTPUpdate.cpp:320] handleUpdate(): Content-Length was 0 or wasn't set by Server?!",
    'There was no content in the response'
  ],
  'not-an-md5': ['[E][http_request.ota:250]: MD5 file must be 32 bytes; 9 bytes reported by HTTP server. Aborting'],
  'not-200': [
    'Got a non 200 status code from server. Exiting OTA Update.\ncontentLength : 0, isValidContentType : 0\nThere was no content in the response'
  ],
  redirected: [
    'E (9) esp_https_ota: URL redirection Failed',
    'E (9) HTTP_CLIENT: Error, reach max_redirection_count count=10',
    '[httpUpdate] HTTP Code is (302)'
  ],
  'http-status': [
    'E (9) esp_https_ota: Client error (409)',
    'E (9) esp_https_ota: Server error (503)',
    'OTA: unsupported HTTP return code 400',
    'HTTP_UPDATE_FAILD Error (-104): Wrong HTTP Code'
  ],
  'no-head': [
    'W (9) HTTP_CLIENT: Connection timed out before data was ready!',
    'E (9) esp_https_ota: ESP HTTP client perform failed: 28676',
    'HTTP_UPDATE_FAILED Error (-11): HTTP error: read Timeout'
  ],
  'request-not-sent': [
    'E (5885) esp_https_ota: Failed to open HTTP connection: 28675',
    'HTTP_UPDATE_FAILED Error (-2): HTTP error: send header failed'
  ],
  'no-http': ['HTTP_UPDATE_FAILED Error (-7): HTTP error: no HTTP server'],
  'bad-manifest': [
    '[ 9][E][esp32FOTA.cpp:700] execHTTPcheck(): JSON Parsing failed (InvalidInput, in=12 bytes, buff=2048 bytes):',
    'I (9) GHOTA: Asset: No Valid Firmware Assets Found'
  ],
  'http-client-error': ['E (9) GHOTA: HTTP GET request failed: ESP_FAIL'],
  'cut-short': [
    'E (9) esp_https_ota: Connection closed before complete data was received!',
    'E (9) esp_https_ota: data read -1, errno 128',
    'E (9) esp_https_ota: Connection closed, errno = 128',
    'E (9) native_ota_example: Error: SSL data read error',
    'E (9) advanced_https_ota_example: Complete data was not received.',
    '[ 9][E][esp32FOTA.cpp:480] execOTA(): Written only : 4096/842000 Premature end of stream?'
  ],
  'read-error': ['E (8584) TRANS_SSL: esp_tls_conn_read error, errno=Socket is not connected'],
  'still-in-progress': ['E (510) my: esp_https_ota_perform returned 36865'],
  'body-too-short': ['E (9) esp_https_ota: Complete headers were not received'],
  'first-read-short': ['E (9) native_ota_example: received package is not fit len'],
  'stream-timeout': ['[ 9][E][HTTPUpdate.cpp:380] runUpdate(): Update.writeStream failed! (Stream Read Timeout)'],
  'digest-mismatch': [
    'HTTP_UPDATE_FAILED Error (7): Update error: MD5 Check Failed',
    '[E][http_request.ota:174]: MD5 computed: 5932 - Aborting due to MD5 mismatch'
  ],
  'no-memory': ["E (9) esp_https_ota: Couldn't allocate memory to upgrade data buffer"],
  'image-cut': [
    'E (9) esp_image: invalid segment length 0xffffffff',
    'E (9) esp_image: Checksum failed. Calculated 0x3c read 0xff'
  ],
  'image-damaged': [
    'E (9) esp_image: invalid segment length 0x6d2f3c68',
    'E (9) esp_image: image at 0x110000 segment count 60 exceeds max 16',
    'E (9) esp_image: unaligned segment length 0x7519',
    "E (9) esp_image: Segment 1 load address 0x3ffb0000, doesn't match data 0x00118020",
    'E (9) esp_image: Checksum failed. Calculated 0xd5 read 0x36',
    'E (9) esp_image: Image hash failed - image is corrupt'
  ],
  'not-an-image': [
    'E (9) esp_ota_ops: OTA image has invalid magic byte (expected 0xE9, saw 0x3c)',
    'HTTP_UPDATE_FAILED Error (-106): Verify Bin Header Failed',
    '[ 9][E][HTTPUpdate.cpp:300] handleUpdate(): Magic header does not start with 0xE9'
  ],
  'nothing-in-slot': ['E (9) esp_image: image at 0x110000 has invalid magic byte (nothing flashed here?)'],
  'wrong-chip': [
    'E (9) boot_comm: mismatch chip ID, expected 0, found 9',
    'E (9) esp_https_ota: Mismatch chip id, expected 9, found 4'
  ],
  'chip-revision': [
    'E (9) boot_comm: chip revision check failed. Required >= v4.0, found v3.0.',
    'E (9) boot_comm: Image requires chip rev >= v4.0, but chip is v3.0',
    "E (9) boot_comm: can't run on lower chip revision, expected 4, found 3",
    "E (9) boot_comm: This chip is revision 1 but the application is configured for minimum revision 3. Can't run."
  ],
  'efuse-revision': ['E (9) boot_comm: Image requires efuse blk rev >= v1.3, but chip is v1.2'],
  'no-descriptor': [
    'E (9) esp_https_ota: Incorrect app descriptor magic',
    'E (9) esp_image: Failed to fetch app description header!',
    'E (9) esp_image: Segment 0: length 0x20 is too short for app description'
  ],
  'flash-mode': [
    'E (9) esp_ota_ops: SPI flash mode mismatch: running app has mode 2, new app has mode 0',
    'HTTP_UPDATE_FAILED Error (-107): New Binary Does Not Fit Flash Size',
    '[httpUpdate] magic header, new bin not fits SPI Flash'
  ],
  'wrong-project': ['E (9) esp_rmaker_ota: OTA Image built for Project: led. Expected: switch'],
  'wrong-patch': [
    'E (9) https_delta_ota_example: SHA256 of current firmware differs from than in patch header. Invalid patch for current firmware'
  ],
  signature: [
    'E (9) esp_image: Secure boot signature verification failed',
    'Signature verified NOK',
    '_pk_verify is failed ',
    'E (9) secure_boot_v1: image has invalid signature version field 0xffffffff (image without a signature?)',
    '[ 9][E][esp32FOTA.cpp:530] execOTA(): Signature check failed!'
  ],
  'secure-version': [
    'W (9) advanced_https_ota_example: New firmware security version is less than eFuse programmed, 1 < 2',
    'E (9) app: esp_ota_end failed (ESP_ERR_OTA_SMALL_SEC_VER)'
  ],
  'image-invalid': [
    'E (9) esp_ota_ops: New image failed verification',
    'E (9) esp_https_ota: esp_ota_end failed! err=0x5379',
    'E (9) advanced_https_ota_example: Image validation failed, image is corrupted'
  ],
  'too-large': [
    "E (9) esp_image: Image length 1100000 doesn't fit in partition length 1048576",
    'HTTP_UPDATE_FAILED Error (-100): Not Enough space',
    'E (9) esp_https_ota: Error: esp_ota_write failed! err=0x104',
    'E (9) esp_https_ota: Error: esp_ota_write failed! err=0x260',
    '[W][http_request.ota:120]: backend->begin error: 137'
  ],
  'no-slot': [
    'E (9) esp_https_ota: Passive OTA partition not found',
    'assert failed: ota_example_task native_ota_example.c:92 (update_partition != NULL)\nabort() was called at PC 0x4008a1b2 on core 0',
    '[E][Updater.cpp:104] begin(): esp_ota_get_next_update_partition failed',
    'E (9) esp_https_ota: Given staging partition or another suitable Passive OTA partition could not be found'
  ],
  'running-app-unconfirmed': [
    'E (9) esp_https_ota: esp_ota_begin failed (ESP_ERR_OTA_ROLLBACK_INVALID_STATE)',
    'esp_ota_begin failed, error=5382'
  ],
  'update-running': ['[ 9][W][Updater.cpp:150] begin(): Update already running'],
  'flash-failed': ['[ 9][E][HTTPUpdate.cpp:380] runUpdate(): Update.writeStream failed! (Flash Write Failed)'],
  decryption: [
    'E (9) esp_https_ota: Decryption of image header failed',
    'E (7000) esp_encrypted_img: Magic Verification failed'
  ],
  'write-failed': ['E (9) esp_https_ota: esp_ota_begin failed (ESP_FAIL)'],
  'rolled-back': [
    'E (9) app: Diagnostics failed! Start rollback to the previous version ...',
    'I (9) esp_ota_ops: Rollback to previously worked partition. Restart.',
    "[W][safe_mode:094]: OTA rollback detected! Rolled back from partition 'app0'"
  ],
  'invalid-before': ['W (9) native_ota_example: New version is the same as invalid version.'],
  'slot-not-bootable': [
    'E (9) boot: OTA app partition slot 1 is not bootable',
    'E (9) boot: No bootable app partitions in the partition table'
  ],
  'bad-load-address': ['E (9) esp_image: Segment 2 0x40080000-0x40090000 invalid: bad load address range'],
  brownout: ['Brownout detector was triggered'],
  watchdog: ['E (9) task_wdt: Task watchdog got triggered. The following tasks did not reset the watchdog in time:'],
  crash: [
    "Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.",
    'abort() was called at PC 0x400d1234 on core 0',
    '***ERROR*** A stack overflow in task ota_task has been detected.'
  ],
  'no-connection': [
    'E (9) HTTP_CLIENT: Connection failed, sock < 0',
    'Failed to open HTTP connection: 28674 ',
    'E (9) esp_https_ota: Failed to open HTTP connection: ESP_ERR_HTTP_CONNECT'
  ],
  'not-established': ['E (9) esp_https_ota: Failed to establish HTTP connection'],
  'update-failed': [
    'E (9) simple_ota_example: Firmware Upgrades Failed',
    'E (9) advanced_https_ota_example: ESP_HTTPS_OTA upgrade failed 0x1',
    'stat/tasmota/UPGRADE = {"Upgrade":"Failed"}'
  ]
}

describe('every rule finds the lines of devices', () => {
  it('has lines here', () => {
    expect(Object.keys(LINES).toSorted()).toEqual(RULES.map(({ code }) => code).toSorted())
  })

  for (const [code, lines] of Object.entries(LINES))
    it.each(lines)(`${code}: %s`, line => {
      const explanation = explainLog(line)
      expect(explanation.code).toBe(code)
      expect(explanation.cause).toBeTruthy()
      expect(explanation.next).toBeTruthy()
    })
})

describe('what a rule says is about the line', () => {
  it.each([
    ['expected 0, found 9', 'ESP32-S3'],
    ['expected 9, found 18242', 'the letters "BG"'],
    ['expected 0, found 65535', '0xFF'],
    ['expected 9, found 4', 'beta ESP32-S3']
  ])('chip %s', (chips, words) => {
    const { title, cause } = explainLog(`E (9) boot_comm: mismatch chip ID, ${chips}`)
    expect(`${title} ${cause}`).toContain(words)
  })

  it.each([
    ['27', 's_server'],
    ['45', 's_server'],
    ['3c', 'web page'],
    ['7b', 'JSON'],
    ['1f', 'gzip'],
    ['7f', 'ELF'],
    ['aa', 'partition table'],
    ['ff', 'erased flash'],
    ['4e', 'Not Found'],
    ['51', 'the letter "Q"']
  ])('first byte 0x%s', (byte, words) => {
    expect(
      explainLog(`E (9) esp_ota_ops: OTA image has invalid magic byte (expected 0xE9, saw 0x${byte})`).cause
    ).toContain(words)
  })

  it('names both causes of a sum of flags', () => {
    const { code, findings } = explainLog('E (9) esp-tls: certificate verification failed, flags: 0x204')
    expect([code, ...findings.map(finding => finding.code)]).toEqual(['certificate-name', 'certificate-dates'])
  })

  it('says that a connection that nobody answers has nothing to do with certificates', () => {
    expect(explainLog('E (9) esp-tls: Failed to connnect to host (errno 113)').not).toContain(
      'Not a certificate problem'
    )
  })

  it('names sizes, revisions and statuses', () => {
    expect(explainLog("E (9) esp_image: Image length 1100000 doesn't fit in partition length 1048576").cause).toContain(
      '1048576'
    )
    expect(explainLog('E (9) boot_comm: chip revision check failed. Required >= v4.0, found v3.0.').cause).toContain(
      'v4.0'
    )
    expect(explainLog('E (9) esp_https_ota: Server error (503)').title).toContain('503')
  })
})
