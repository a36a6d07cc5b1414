// SPDX-License-Identifier: Apache-2.0
// What cmocka asks its users to include before it; nothing of it is used on a bare machine.
