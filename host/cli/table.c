// SPDX-License-Identifier: Apache-2.0
// The table of subcommands.
#include "host/cli/command.h"

#define JSON_OPTION                                                                                \
    {                                                                                              \
        "json", NULL, "print JSON"                                                                 \
    }

const struct command commands[] = {
    {"init",
     "",
     0,
     0,
     "make this node's identity",
     "Makes a key and a device id in the state directory. The id is the host's name unless --id "
     "says otherwise; others "
     "know this node by it. An identity that exists is not touched, except by --new-key: then "
     "everyone who trusts this "
     "node has to trust the new key.",
     {{"id", "ID", "the device id: 1 to 64 of 0-9 A-Z a-z . _ -"},
      {"key", "FILE", "use the private key in FILE (- is standard input) instead of a fresh one"},
      {"new-key", NULL, "replace the key of an existing identity"},
      {"if-missing", NULL, "do nothing when there is an identity"}},
     command_init},
    {"genkey", "", 0, 0, "print a fresh private key", "", {{0}}, command_genkey},
    {"pubkey",
     "",
     0,
     0,
     "print the public key of the private key on standard input",
     "",
     {{0}},
     command_pubkey},
    {"fingerprint",
     "[FILE]",
     0,
     1,
     "print the fingerprint of a public key or a card",
     "Reads a public key of 64 hex digits, or a card as `dsoftbus id --card` prints it, from FILE "
     "or standard input.",
     {{0}},
     command_fingerprint},
    {"id",
     "",
     0,
     0,
     "print this node's device id, key and fingerprint",
     "With --card: one line that another node takes with `dsoftbus trust --card`. It is no secret, "
     "but whoever takes it "
     "has to be sure that it is yours: compare the fingerprint.",
     {{"card", NULL, "print the card only"},
      {"qr", NULL, "print the card as a QR code, too"},
      JSON_OPTION},
     command_id},
    {"peers",
     "",
     0,
     0,
     "list the known peers, or the devices that were found",
     "The known peers are those of the file; the daemon need not run. With --found, the devices "
     "whose announces "
     "the daemon has heard: nobody has vouched for those.",
     {{"found", NULL, "list what discovery has found"}, JSON_OPTION},
     command_peers},
    {"trust",
     "[ID]",
     0,
     1,
     "trust a device with exactly this key",
     "Three ways to say which key: --card FILE, the other node's card; ID --fingerprint TEXT, a "
     "device that discovery has "
     "found, whose fingerprint you have been told; ID alone, which shows the fingerprint and asks. "
     "For a peer that "
     "is known already, changes its address and dial, or trusts it again. A known id with another "
     "key is refused, with "
     "exit code 6: if the device was really given a new key, `dsoftbus revoke --forget ID` comes "
     "first.",
     {{"card", "FILE", "take id and key from FILE (- is standard input)"},
      {"fingerprint", "TEXT", "the fingerprint that the device must have"},
      {"address", "HOST:PORT",
       "where it is, in numbers, if discovery cannot find it; \"none\" removes it"},
      {"dial", NULL, "keep a session with it without being asked"},
      {"no-dial", NULL, "do not"},
      {"pending", NULL, "write it down, but do not trust it yet"},
      {"comment", "TEXT", "a note for people"}},
     command_trust},
    {"revoke",
     "ID",
     1,
     1,
     "trust a device no more",
     "Its sessions end at once. The entry stays, so that the device is told so and cannot come "
     "back by mistake; with "
     "--forget it is removed, and the id is free for another key.",
     {{"forget", NULL, "remove the entry"}},
     command_revoke},
    {"pair",
     "[ID]",
     0,
     1,
     "trust a device whose user reads the same six digits as you",
     "Without ID, waits up to 60 seconds for the other side. With ID, calls the device of that "
     "name "
     "that discovery has found, or the one of --card at --address; its user has run `dsoftbus "
     "pair` "
     "before. Both sides then show six digits. Only if they are the same on both may each user say "
     "yes: then nobody stands between the two devices, and each trusts the other's id and key. "
     "Each run is one attempt.",
     {{"card", "FILE", "call the device of this card (- is standard input)"},
      {"address", "HOST:PORT", "where that device is, in numbers"}},
     command_pair},
    {"ping",
     "PEER",
     1,
     1,
     "measure the round trip to a peer, encrypted and authenticated",
     "Dials the peer if there is no session with it. Ends with exit code 7 when nothing came back.",
     {{"count", "N", "stop after N pings (default 4; 0: until interrupted)"},
      {"interval", "SECONDS", "wait between pings (default 1)"},
      {"timeout", "SECONDS", "wait for an answer (default 5, at most 60)"},
      JSON_OPTION},
     command_ping},
    {"show",
     "[PEER]",
     0,
     1,
     "show the daemon, its peers and its sessions",
     "",
     {JSON_OPTION},
     command_show},
    {"doctor",
     "[PEER]",
     0,
     1,
     "find out which step fails, and why",
     "Looks at the state directory, the daemon and, with PEER, at the way to that peer step by "
     "step: address, TCP, protocol, key, trust, ping and MTU, that is whether full packets get to "
     "the peer and not only small ones. The way back is not tried: run doctor on the peer, too. If "
     "full packets vanish the session ends with that. Exit code 0: every step is good.",
     {{0}},
     command_doctor},
    {"services",
     "[PEER]",
     0,
     1,
     "list the services of this node, or those that a peer announces",
     "Services are sections of the configuration, each with a list of the peers that may use it; "
     "`dsoftbus config show` has all keys.",
     {JSON_OPTION},
     command_services},
    {"send",
     "PEER FILE...",
     2,
     COMMAND_OPERANDS_MAX,
     "send files to a peer",
     "The peer stores each file under its name, whole and verified or not at all, and overwrites "
     "nothing. What it has of a file after an earlier attempt is not sent again: the same command "
     "goes on where that one ended. Ends with exit code 8 when the peer refuses a file, and with 9 "
     "when the stream breaks off.",
     {{"timeout", "SECONDS", "wait for each stream (default 10, at most 60)"}, JSON_OPTION},
     command_send},
    {"receive",
     "",
     0,
     0,
     "list the files that were received, or wait for one",
     "The daemon receives them by itself, from the peers and into the directory that [file] in its "
     "configuration names. With --wait, ends when the next file is there, and prints its path.",
     {{"wait", NULL, "wait for the next file"},
      {"timeout", "SECONDS", "with --wait: no longer than this (default 0: for ever)"},
      JSON_OPTION},
     command_receive},
    {"pipe",
     "PEER SERVICE",
     2,
     2,
     "join standard input and output to a service of a peer",
     "Ends when both directions have ended. Ends with exit code 8 when the peer refuses, and with "
     "9 "
     "when the stream breaks off: what was written is then not known to be all.",
     {{"timeout", "SECONDS", "wait for the stream (default 10, at most 60)"}},
     command_pipe},
    {"forward",
     "LOCAL:PORT PEER SERVICE",
     3,
     3,
     "listen on a local TCP port that leads to a service of a peer",
     "Each connection gets a stream of its own, up to 256 at once. LOCAL is an address in numbers "
     "or localhost; PORT alone means localhost, port 0 any free one. Whoever can connect to it, on "
     "this machine every user, reaches the service as this node. A stream that breaks off resets "
     "its connection.",
     {{"timeout", "SECONDS", "wait for each stream (default 10, at most 60)"}},
     command_forward},
    {"metrics", "", 0, 0, "print the daemon's counters for Prometheus", "", {{0}}, command_metrics},
    {"config",
     "check|show",
     1,
     1,
     "check the configuration, or print all settings in force",
     "",
     {{"config", "FILE", "this file instead of the usual one"}},
     command_config},
    {"version", "", 0, 0, "print the version", "", {{0}}, command_version},
    {"help", "[COMMAND]", 0, 1, "explain a command", "", {{0}}, command_help},
};

const size_t command_count = sizeof commands / sizeof commands[0];
