// SPDX-License-Identifier: Apache-2.0
// Exit codes of every program: one table, from which the manual is made as well.
#ifndef HOST_COMMON_EXIT_CODE_H
#define HOST_COMMON_EXIT_CODE_H

#define EXIT_CODE_TABLE(ROW)                                                                       \
    ROW(EXIT_DONE, 0, "done")                                                                      \
    ROW(EXIT_FAILED, 1, "failed; the text says why")                                               \
    ROW(EXIT_USAGE, 2, "the command line or the configuration is wrong")                           \
    ROW(EXIT_NO_DAEMON, 3, "dsoftbusd does not run, or does not answer")                           \
    ROW(EXIT_NO_STATE, 4, "there is no identity yet, or a state file is damaged or unsafe")        \
    ROW(EXIT_NO_PEER, 5, "no such peer, or it is not trusted")                                     \
    ROW(EXIT_KEY_CHANGED, 6, "a known device has another key than before")                         \
    ROW(EXIT_NO_ANSWER, 7, "the peer could not be reached, or did not answer in time")             \
    ROW(EXIT_REFUSED, 8, "the peer, or its policy, has refused")                                   \
    ROW(EXIT_BROKEN, 9, "a stream has broken off; what arrived may be a part of it")

#define EXIT_CODE_ENUM(name, number, text) name = (number),
enum exit_code { EXIT_CODE_TABLE(EXIT_CODE_ENUM) };
#undef EXIT_CODE_ENUM

#endif
