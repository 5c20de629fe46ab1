// Sigstore on one port of this machine: a certificate authority, its log, and a transparency log.
// Prints the trust configuration that a client needs, on one line, and ends with its standard input.
//
// @sigstore/mock has the cryptography. It takes what the JavaScript client sends; here it is given
// that from what other clients send as well: a token in a header, a request for a certificate in
// base64, and a proposed entry, of which the log keeps hashes only.
import { createHash, generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import mock from "@sigstore/mock";

const sha256 = (data) => createHash("sha256").update(data).digest();
const keys = () => generateKeyPairSync("ec", { namedCurve: "P-256" });
const certificates = await mock.initializeCTLog(keys());
const authority = await mock.initializeCA(keys(), certificates);
const fulcio = mock.fulcioHandler(authority);

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = JSON.parse(Buffer.concat(chunks).toString());
  const given = request.url === fulcio.path ? wanted(request, body) : JSON.stringify(logged(body));
  const handler = request.url === fulcio.path ? fulcio : rekor;
  const answer = await handler.fn(given);
  response.writeHead(answer.statusCode, { "Content-Type": answer.contentType ?? "text/plain" });
  response.end(answer.response);
});

function wanted(request, body) {
  const token = request.headers.authorization.replace(/^Bearer /, "");
  const pem = Buffer.from(body.certificateSigningRequest, "base64").toString();
  const credentials = { oidcIdentityToken: token };
  return JSON.stringify({ credentials, certificateSigningRequest: pem });
}

function logged({ apiVersion, kind, spec }) {
  const { envelope, verifiers } = spec.proposedContent;
  const { payload, signatures } = JSON.parse(envelope);
  const hash = (data) => ({ algorithm: "sha256", value: sha256(data).toString("hex") });
  const signed = signatures.map(({ sig }, at) => ({ signature: sig, verifier: verifiers[at] }));
  const payloadHash = hash(Buffer.from(payload, "base64"));
  return { apiVersion, kind, spec: { envelopeHash: hash(envelope), payloadHash, signatures: signed } };
}

await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${server.address().port}`;
const log = await mock.initializeTLog(url, keys());
const rekor = mock.rekorHandler(log);

const validFor = { start: new Date(Date.now() - 60000).toISOString() };
const service = { url, majorApiVersion: 1, validFor, operator: "test" };
const transparency = (key) => ({
  baseUrl: url,
  hashAlgorithm: "SHA2_256",
  publicKey: {
    rawBytes: key.toString("base64"),
    keyDetails: "PKIX_ECDSA_P256_SHA_256",
    validFor,
  },
  logId: { keyId: sha256(key).toString("base64") },
});
const trust = {
  mediaType: "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
  trustedRoot: {
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    tlogs: [transparency(log.publicKey)],
    ctlogs: [transparency(certificates.publicKey)],
    certificateAuthorities: [
      {
        subject: { organization: "sigstore.mock", commonName: "sigstore" },
        uri: url,
        certChain: { certificates: [{ rawBytes: authority.rootCertificate.toString("base64") }] },
        validFor,
      },
    ],
    timestampAuthorities: [],
  },
  signingConfig: {
    mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
    caUrls: [service],
    oidcUrls: [],
    rekorTlogUrls: [service],
    rekorTlogConfig: { selector: "ANY" },
    tsaUrls: [],
    tsaConfig: { selector: "ANY" },
  },
};
process.stdout.write(`${JSON.stringify(trust)}\n`);
process.stdin.on("end", () => process.exit()).resume();
