/** What a snippet tells a client about this server: where the firmware is, and which certificate to trust. */
export interface SnippetFacts {
  /** `https://192.168.1.8:8070/hello_world.bin`, percent-encoded. */
  readonly url: string
  /** `https://192.168.1.8:8070` */
  readonly origin: string
  /** `hello_world.bin` */
  readonly name: string
  readonly host: string
  readonly port: number
  /**
   * PEM of the certificate to embed, with final newline; undefined when the operator's own certificate comes from a public
   * CA, where the client's bundle of roots is the one to use.
   */
  readonly caCertificate: string | undefined
  /** Where that certificate lies, as a person at this folder would type it: `certs/ca_cert.pem`. */
  readonly caFile: string | undefined
}
