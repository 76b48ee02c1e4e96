// Finding the daemon, and a client for it made from the contract's own .proto: no generated code.

import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";

const PROTO_ROOT = fileURLToPath(new URL("../../proto/", import.meta.url));
const ANSWER_MS = 2000;
const SILENCE = [grpc.status.UNAVAILABLE, grpc.status.DEADLINE_EXCEEDED];

// Whole 64-bit numbers (seeds, byte counts) stay exact as strings; the names of the oneof in use are told in `event`.
const contract = grpc.loadPackageDefinition(
  protoLoader.loadSync("neuralstyle/v1/stylize.proto", {
    includeDirs: [PROTO_ROOT],
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  }),
).neuralstyle.v1;

// A client of the daemon that runs. Its targets are tried in their order: the Unix socket, then TCP with the token.
// Throws an Error that says what to do if none answers, and the call's own if the daemon refuses, such as the token.
export async function connect() {
  const home = daemonHome();
  const endpoint = await readEndpoint(home);
  for (const target of endpoint?.targets ?? []) {
    // The folder of a Unix socket is its guard; TCP needs the token.
    const token = target.startsWith("unix:") ? null : await readToken(endpoint.token_path);
    const client = new contract.StylizeService(target, grpc.credentials.createInsecure(), {
      interceptors: [introduction(token)],
      // A proxy from the environment cannot reach this machine's loopback.
      "grpc.enable_http_proxy": 0,
    });
    try {
      await answer(client);
      return client;
    } catch (error) {
      client.close();
      if (!SILENCE.includes(error.code)) throw error;
      // Nobody is there: the target was left behind by a daemon that was killed.
    }
  }
  throw new Error(`No daemon answers in ${home}: start it with \`stylize daemon start\`.`);
}

function daemonHome() {
  if (process.env.STYLIZED_HOME) return process.env.STYLIZED_HOME;
  if (process.platform === "darwin") return join(homedir(), "Library", "Application Support", "stylized");
  return join(process.env.XDG_STATE_HOME || join(homedir(), ".local", "state"), "stylized");
}

async function readEndpoint(home) {
  try {
    return JSON.parse(await readFile(join(home, "endpoint.json"), "utf8"));
  } catch {
    return null; // no daemon has run here, or it ended in good order
  }
}

async function readToken(path) {
  return (await readFile(path, "ascii")).trim();
}

// Sends with every call who we are and, over TCP, the token.
function introduction(token) {
  return (options, nextCall) =>
    new grpc.InterceptingCall(nextCall(options), {
      start(metadata, listener, next) {
        metadata.set("x-client", "node-example/0.1.0");
        if (token) metadata.set("authorization", `Bearer ${token}`);
        next(metadata, listener);
      },
    });
}

function answer(client) {
  return new Promise((resolve, reject) => {
    const deadline = Date.now() + ANSWER_MS;
    client.getServerInfo({}, { deadline }, (error, info) => (error ? reject(error) : resolve(info)));
  });
}
