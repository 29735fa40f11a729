// An OpenID Connect provider with its own sign-in page, where everybody may sign in as anybody:
// node provider.mjs ISSUER REDIRECT_URI. The name before a full stop is the person's, the one behind it their group.
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

const [issuer, redirectUri] = process.argv.slice(2);
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

const provider = new Provider(issuer, {
  clients: [{ client_id: "codepromptu", client_secret: "a secret of the client", redirect_uris: [redirectUri] }],
  jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid: "one", use: "sig", alg: "RS256" }] },
  cookies: { keys: ["signs the cookies of a test"] },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
  scopes: ["openid", "email", "profile", "groups"],
  pkce: { required: () => true },
  async findAccount(_, id) {
    const [name, group] = id.split(".");
    const claims = { sub: id, name, email: `${name}@example.test`, email_verified: true, groups: group ? [group] : [] };
    return { accountId: id, claims: async () => claims };
  },
});
provider.listen(new URL(issuer).port, "127.0.0.1");
