// SPDX-License-Identifier: Apache-2.0
// Takes the place of a service and faults as soon as it is started.
int main(void);
int main(void)
{
    __builtin_trap();
}
