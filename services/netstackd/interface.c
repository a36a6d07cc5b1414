// SPDX-License-Identifier: Apache-2.0
// The Ethernet interface.
#include "services/netstackd/interface.h"

#include "kernel/abi/neuron.h"
#include "lwip/dhcp.h"
#include "lwip/etharp.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"
#include "lwip/prot/dhcp.h"
#include "markers.h"
#include "netif/ethernet.h"
#include "services/lib/log.h"
#include "services/lib/string.h"
#include "services/netstackd/limits.h"
#include "services/netstackd/stack.h"
#include "services/netstackd/timers.h"

static struct virtio_net device;
static struct virtio_net_memory device_memory;
static struct netif ethernet;
static struct dhcp dhcp_state;
static struct interface_stats stats;

// Frames for which the device has no buffer yet, in order. Each holds a reference.
static struct pbuf *waiting[TRANSMIT_QUEUE_MAX];
static uint32_t waiting_first, waiting_count;

static uint64_t offer_deadline = NEURON_NEVER; // then the static address is taken
static ip4_addr_t announced;                   // the address that has been printed

// The device broke the protocol, or asks for a reset: start it again, but not for ever.
static void restart_device(const char *why)
{
    if (stats.device_restarts == DEVICE_RESTARTS_MAX) {
        log_line("net: virtio-net: %s; given up", why);
        stats.device_restarts++;
        netif_set_link_down(&ethernet);
        return;
    }
    if (stats.device_restarts > DEVICE_RESTARTS_MAX) {
        return;
    }
    stats.device_restarts++;
    log_line("net: virtio-net: %s; device reset", why);
    enum virtio_error error = virtio_net_start(&device, &device_memory);
    if (error) {
        log_line("net: virtio-net: %s; given up", virtio_error_name(error));
        stats.device_restarts = DEVICE_RESTARTS_MAX + 1;
        netif_set_link_down(&ethernet);
    }
}

static bool device_usable(void)
{
    return stats.device_restarts <= DEVICE_RESTARTS_MAX;
}

// ERR_OK: sent; ERR_WOULDBLOCK: no buffer now.
static err_t transmit(struct pbuf *p)
{
    uint8_t *frame;
    uint16_t id;
    enum virtio_error error = virtio_net_transmit_buffer(&device, &frame, &id);
    if (error == VIRTIO_EMPTY) {
        return ERR_WOULDBLOCK;
    }
    if (error) {
        restart_device(virtio_error_name(error));
        return ERR_IF;
    }
    virtio_net_send(&device, id, pbuf_copy_partial(p, frame, p->tot_len, 0));
    return ERR_OK;
}

static void transmit_waiting(void)
{
    while (waiting_count > 0 && device_usable()) {
        struct pbuf *p = waiting[waiting_first];
        if (transmit(p) == ERR_WOULDBLOCK) {
            return;
        }
        pbuf_free(p);
        waiting_first = (waiting_first + 1) % TRANSMIT_QUEUE_MAX;
        waiting_count--;
    }
}

// An ARP request that waits for an answer: not one in which we announce our own address (RFC 5227 3).
static bool is_arp_question(const struct pbuf *p)
{
    uint8_t frame[SIZEOF_ETH_HDR + SIZEOF_ETHARP_HDR];
    if (pbuf_copy_partial(p, frame, sizeof frame, 0) != sizeof frame) {
        return false;
    }
    const uint8_t *arp = frame + SIZEOF_ETH_HDR;
    return frame[12] == 0x08 && frame[13] == 0x06 && arp[7] == ARP_REQUEST &&
           memcmp(arp + 14, arp + 24, 4) != 0;
}

static err_t link_output(struct netif *netif, struct pbuf *p)
{
    (void)netif;
    if (p->tot_len > FRAME_BYTES_MAX) {
        return ERR_VAL;
    }
    if (!device_usable()) {
        return ERR_IF;
    }
    if (is_arp_question(p)) {
        timers_arp_requested();
    }
    transmit_waiting(); // in order
    if (waiting_count == 0) {
        err_t err = transmit(p);
        if (err != ERR_WOULDBLOCK) {
            return err;
        }
    }
    if (waiting_count == TRANSMIT_QUEUE_MAX) {
        stats.transmit_dropped++;
        return ERR_MEM;
    }
    pbuf_ref(p);
    waiting[(waiting_first + waiting_count) % TRANSMIT_QUEUE_MAX] = p;
    waiting_count++;
    return ERR_OK;
}

static err_t interface_init(struct netif *netif)
{
    netif->name[0] = 'e';
    netif->name[1] = 'n';
    netif->mtu = 1500;
    netif->hwaddr_len = sizeof device.mac;
    memcpy(netif->hwaddr, device.mac, sizeof device.mac);
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_IGMP;
    netif->output = etharp_output;
    netif->linkoutput = link_output;
    return ERR_OK;
}

void interface_start(const struct virtio_net_memory *memory)
{
    device_memory = *memory;
    enum virtio_error error = virtio_net_start(&device, &device_memory);
    if (error) {
        die("net: virtio-net: %s", virtio_error_name(error));
    }
    log_line(MARKER_NET_VIRTIO_UP);
    netif_add_noaddr(&ethernet, NULL, interface_init, ethernet_input);
    netif_set_default(&ethernet);
    netif_set_up(&ethernet);
    netif_set_link_up(&ethernet);
    dhcp_set_struct(&ethernet, &dhcp_state);
    offer_deadline = stack_now() + (uint64_t)STATIC_FALLBACK_MS * NEURON_TICKS_PER_MS;
    if (dhcp_start(&ethernet) != ERR_OK) {
        die("net: dhcp did not start");
    }
}

void interface_interrupt(void)
{
    if (device_usable() && !virtio_net_interrupt(&device)) {
        restart_device("device needs a reset");
    }
    transmit_waiting();
}

// One frame into lwIP: the only copy of it that is looked at.
static void deliver(const uint8_t *frame, size_t len)
{
    struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_POOL);
    if (p == NULL || pbuf_take(p, frame, (u16_t)len) != ERR_OK) {
        stats.receive_dropped++;
    } else if (ethernet.input(p, &ethernet) == ERR_OK) {
        return;
    }
    if (p != NULL) {
        pbuf_free(p);
    }
}

bool interface_receive(void)
{
    if (!device_usable()) {
        return false;
    }
    uint32_t frames = 0, malformed = device.malformed;
    enum virtio_error error = VIRTIO_OK;
    while (frames < VIRTIO_NET_RX_BUFFERS) {
        const uint8_t *frame;
        size_t len;
        error = virtio_net_receive(&device, &frame, &len);
        if (error) {
            break;
        }
        deliver(frame, len);
        virtio_net_release(&device);
        frames++;
    }
    if (error > VIRTIO_EMPTY) {
        restart_device(virtio_error_name(error));
        return false;
    }
    if (malformed == 0 && device.malformed > 0) { // once: a device that does this goes on doing it
        log_line("net: virtio-net: malformed frames are dropped");
    }
    if (frames > 0 || malformed != device.malformed) {
        virtio_net_receive_done(&device);
    }
    PBUF_CHECK_FREE_OOSEQ();
    return frames == VIRTIO_NET_RX_BUFFERS;
}

// No offer in time: 10.42.0.x/24, x being the last byte of the MAC address; no gateway.
static void take_static_address(void)
{
    ip4_addr_t address, mask, gateway;
    IP4_ADDR(&address, 10, 42, 0, device.mac[5]);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    ip4_addr_set_zero(&gateway);
    dhcp_stop(&ethernet);
    netif_set_addr(&ethernet, &address, &mask, &gateway);
}

static void update_offer_wait(void)
{
    if (!ip4_addr_isany_val(*netif_ip4_addr(&ethernet))) {
        offer_deadline = NEURON_NEVER;
    } else if (stack_now() >= offer_deadline) {
        // An offer is there but not yet confirmed: it gets the same time once more.
        bool offered = dhcp_state.state == DHCP_STATE_REQUESTING;
        offer_deadline = NEURON_NEVER;
        if (offered && dhcp_state.tries <= 2) {
            offer_deadline = stack_now() + (uint64_t)STATIC_FALLBACK_MS * NEURON_TICKS_PER_MS;
        } else {
            take_static_address();
        }
    }
}

static bool is_up(void)
{
    return netif_is_up(&ethernet) && netif_is_link_up(&ethernet) && !ip4_addr_isany_val(announced);
}

bool interface_update(void)
{
    update_offer_wait();
    const ip4_addr_t *address = netif_ip4_addr(&ethernet);
    if (!ip4_addr_cmp(address, &announced)) {
        ip4_addr_copy(announced, *address);
        if (ip4_addr_isany_val(announced)) {
            log_line("net: address lost");
        } else {
            char text[IP4ADDR_STRLEN_MAX];
            if (dhcp_supplied_address(&ethernet)) {
                log_line(MARKER_NET_DHCP_BOUND);
            }
            if (is_up()) {
                log_line(MARKER_NET_IFACE_UP, ip4addr_ntoa_r(&announced, text, sizeof text));
            }
        }
    }
    return is_up();
}

uint64_t interface_deadline(void)
{
    return offer_deadline;
}

struct interface_stats interface_stats(void)
{
    struct interface_stats all = stats;
    all.receive_dropped += device.malformed;
    return all;
}
