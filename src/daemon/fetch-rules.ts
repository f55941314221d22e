import { type FetchRules, parseSubnet, type Subnet } from "../lib/address-rules.ts";
import { CannotStart } from "../lib/cannot-start.ts";

/** Reads `--fetch-allow` and `--fetch-deny`, each with commas between its networks. Errors: CannotStart. */
export function parseFetchRules({ allow, deny }: { allow: string; deny: string }): FetchRules {
  return { allow: parseSubnets("fetch-allow", allow), deny: parseSubnets("fetch-deny", deny) };
}

function parseSubnets(option: string, text: string): Subnet[] {
  const words = text.split(",").map((word) => word.trim());
  return words.filter(Boolean).map((word) => {
    const subnet = parseSubnet(word);
    if (typeof subnet !== "string") return subnet;
    throw new CannotStart(
      `Cannot use --${option} ${JSON.stringify(word)}: ${subnet}, wanted networks like 10.0.0.0/8 or fd00::/8`,
    );
  });
}
