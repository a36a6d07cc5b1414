// SPDX-License-Identifier: Apache-2.0
// lwIP's timers, run by need.
#include "services/netstackd/timers.h"

#include <stddef.h>

#include "kernel/abi/neuron.h"
#include "lwip/dhcp.h"
#include "lwip/etharp.h"
#include "lwip/igmp.h"
#include "lwip/netif.h"
#include "lwip/priv/tcp_priv.h"

enum {
    ARP_PENDING_PERIODS = 6,   // lwIP gives up on an entry after 5 repetitions
    ARP_CATCH_UP_MAX = 301,    // after that all entries have expired (ARP_MAXAGE)
    IGMP_CATCH_UP_MAX = 256,   // no group's timer is longer
    DHCP_CATCH_UP_MAX = 65535, // minutes; its counters are 16 bits wide
    NO_WORK = 0,
};

static uint32_t arp_pending; // periods for which an answer may still be missing

static uint32_t min_nonzero(uint32_t a, uint32_t b)
{
    return a == NO_WORK || (b != NO_WORK && b < a) ? b : a;
}

// --- TCP, every 100 ms: delayed acknowledgements, refused data, a FIN that found no memory ---

static uint32_t tcp_fast_due(void)
{
    for (const struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
        if ((pcb->flags & (TF_ACK_DELAY | TF_CLOSEPEND)) != 0 || pcb->refused_data != NULL) {
            return 1;
        }
    }
    return NO_WORK;
}

static void tcp_fast_advance(uint32_t periods)
{
    (void)periods;
    tcp_fasttmr();
}

// --- TCP, every 200 ms: retransmission, zero windows, and the ends of connections ---

// Slow ticks until more than `limit` have passed since the connection's last activity.
static uint32_t ticks_left(const struct tcp_pcb *pcb, uint32_t limit)
{
    uint32_t passed = tcp_ticks - pcb->tmr;
    return passed > limit ? 1 : limit - passed + 1;
}

static uint32_t connection_due(const struct tcp_pcb *pcb)
{
    if (pcb->unacked != NULL || pcb->unsent != NULL || pcb->ooseq != NULL ||
        pcb->persist_backoff > 0) {
        return 1;
    }
    if (pcb->state == FIN_WAIT_2 && (pcb->flags & TF_RXCLOSED) != 0) {
        return ticks_left(pcb, TCP_FIN_WAIT_TIMEOUT / TCP_SLOW_INTERVAL);
    }
    if (pcb->state == SYN_RCVD) {
        return ticks_left(pcb, TCP_SYN_RCVD_TIMEOUT / TCP_SLOW_INTERVAL);
    }
    if (pcb->state == LAST_ACK) {
        return ticks_left(pcb, 2 * TCP_MSL / TCP_SLOW_INTERVAL);
    }
    return NO_WORK;
}

static uint32_t tcp_slow_due(void)
{
    uint32_t due = NO_WORK;
    for (const struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
        due = min_nonzero(due, connection_due(pcb));
    }
    for (const struct tcp_pcb *pcb = tcp_tw_pcbs; pcb != NULL; pcb = pcb->next) {
        due = min_nonzero(due, ticks_left(pcb, 2 * TCP_MSL / TCP_SLOW_INTERVAL));
    }
    return due;
}

// Nothing was due in the periods that have been slept through: the count of time moves on, no more.
static void tcp_slow_advance(uint32_t periods)
{
    tcp_ticks += periods - 1;
    tcp_slowtmr();
}

// --- ARP, every second: repeats requests; ages entries, which can wait until one is wanted ---

static uint32_t arp_due(void)
{
    return arp_pending > 0 ? 1 : NO_WORK;
}

static void arp_advance(uint32_t periods)
{
    arp_pending -= arp_pending < periods ? arp_pending : periods;
    for (uint32_t i = 0; i < periods && i < ARP_CATCH_UP_MAX; i++) {
        etharp_tmr();
    }
}

void timers_arp_requested(void)
{
    arp_pending = ARP_PENDING_PERIODS;
}

// --- IGMP, every 100 ms: reports after a random delay ---

static uint32_t igmp_due(void)
{
    uint32_t due = NO_WORK;
    struct netif *netif;
    NETIF_FOREACH(netif)
    {
        for (const struct igmp_group *g = netif_igmp_data(netif); g != NULL; g = g->next) {
            due = min_nonzero(due, g->timer);
        }
    }
    return due;
}

static void igmp_advance(uint32_t periods)
{
    for (uint32_t i = 0; i < periods && i < IGMP_CATCH_UP_MAX; i++) {
        igmp_tmr();
    }
}

// --- DHCP, every 500 ms: requests without an answer; every minute: the lease ---

static uint32_t dhcp_fine_due(void)
{
    uint32_t due = NO_WORK;
    struct netif *netif;
    NETIF_FOREACH(netif)
    {
        const struct dhcp *dhcp = netif_dhcp_data(netif);
        due = min_nonzero(due, dhcp != NULL ? dhcp->request_timeout : NO_WORK);
    }
    return due;
}

static void dhcp_fine_advance(uint32_t periods)
{
    for (uint32_t i = 0; i < periods && dhcp_fine_due() != NO_WORK; i++) {
        dhcp_fine_tmr();
    }
}

static uint32_t dhcp_coarse_due(void)
{
    uint32_t due = NO_WORK;
    struct netif *netif;
    NETIF_FOREACH(netif)
    {
        const struct dhcp *dhcp = netif_dhcp_data(netif);
        if (dhcp != NULL) {
            due = min_nonzero(due, dhcp->t1_renew_time);
            due = min_nonzero(due, dhcp->t2_rebind_time);
            due = min_nonzero(due, dhcp->t0_timeout > dhcp->lease_used
                                       ? (uint32_t)dhcp->t0_timeout - dhcp->lease_used
                                       : NO_WORK);
        }
    }
    return due;
}

static void dhcp_coarse_advance(uint32_t periods)
{
    for (uint32_t i = 0; i < periods && i < DHCP_CATCH_UP_MAX; i++) {
        dhcp_coarse_tmr();
    }
}

// --- All of them ---

struct timer {
    uint64_t period;                   // ticks of the clock
    uint32_t (*due)(void);             // in how many periods it has work, or NO_WORK
    void (*advance)(uint32_t periods); // so many periods have ended, at least 1
    uint64_t last;                     // when the last one ended
};

static struct timer timers[] = {
    {TCP_FAST_INTERVAL * NEURON_TICKS_PER_MS, tcp_fast_due, tcp_fast_advance, 0},
    {TCP_SLOW_INTERVAL * NEURON_TICKS_PER_MS, tcp_slow_due, tcp_slow_advance, 0},
    {ARP_TMR_INTERVAL * NEURON_TICKS_PER_MS, arp_due, arp_advance, 0},
    {IGMP_TMR_INTERVAL * NEURON_TICKS_PER_MS, igmp_due, igmp_advance, 0},
    {DHCP_FINE_TIMER_MSECS * NEURON_TICKS_PER_MS, dhcp_fine_due, dhcp_fine_advance, 0},
    {DHCP_COARSE_TIMER_MSECS * (uint64_t)NEURON_TICKS_PER_MS, dhcp_coarse_due, dhcp_coarse_advance,
     0},
};
#define TIMERS (sizeof timers / sizeof timers[0])

void timers_start(uint64_t now)
{
    for (size_t i = 0; i < TIMERS; i++) {
        timers[i].last = now;
    }
}

void timers_advance(uint64_t now)
{
    for (size_t i = 0; i < TIMERS; i++) {
        struct timer *t = &timers[i];
        uint64_t periods = (now - t->last) / t->period;
        if (periods > 0) {
            t->last += periods * t->period;
            t->advance(periods > UINT32_MAX ? UINT32_MAX : (uint32_t)periods);
        }
    }
}

uint64_t timers_deadline(void)
{
    uint64_t deadline = NEURON_NEVER;
    for (size_t i = 0; i < TIMERS; i++) {
        uint32_t due = timers[i].due();
        if (due != NO_WORK) {
            uint64_t at = timers[i].last + due * timers[i].period;
            deadline = at < deadline ? at : deadline;
        }
    }
    return deadline;
}
