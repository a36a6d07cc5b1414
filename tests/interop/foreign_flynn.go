// SPDX-License-Identifier: Apache-2.0
// A bus node that shares no code with ours: WIRE sections 1 to 3 over github.com/flynn/noise, as initiator.
//
// Reads a plan on stdin and holds its sessions one after the other; prints one JSON object per session. The form of
// plan, session and result is described in foreign_dissononce.py.
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/flynn/noise"
)

const (
	timeout = 5 * time.Second
	version = 1

	ready = 1
	ping  = 2
	pong  = 3
	bye   = 9

	capabilities = 1
	recordMax    = 2
	streamsMax   = 3
	deviceID     = 4
)

// errRefused: the responder closed the connection at a frame's boundary.
var errRefused = errors.New("refused")

type session struct {
	Name        string `json:"name"`
	ID          string `json:"id"`
	Static      string `json:"static"`
	ResponderID string `json:"responder_id"`
	Responder   string `json:"responder"`
	Control     string `json:"control"`
}

type result struct {
	Name       string   `json:"name"`
	SourcePort int      `json:"source_port"`
	Ephemeral  string   `json:"ephemeral"`
	Prologue   string   `json:"prologue"`
	Messages   []string `json:"messages"`
	Hash       string   `json:"hash"`
	Token      string   `json:"token"`
	Outcome    string   `json:"outcome"`
}

func receive(c net.Conn, length int) ([]byte, error) {
	data := make([]byte, length)
	n, err := io.ReadFull(c, data)
	if n == 0 && (err == io.EOF || errors.Is(err, syscall.ECONNRESET)) {
		return nil, errRefused
	}
	if err != nil {
		return nil, fmt.Errorf("the connection ended inside a frame: %w", err)
	}
	return data, nil
}

func receiveFrame(c net.Conn, low, high int) ([]byte, error) {
	header, err := receive(c, 2)
	if err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(header))
	if length < low || length > high {
		return nil, fmt.Errorf("a frame of %d bytes", length)
	}
	body, err := receive(c, length)
	if err == errRefused {
		return nil, errors.New("the connection ended inside a frame")
	}
	return body, err
}

func sendFrame(c net.Conn, body []byte) error {
	frame := make([]byte, 2, 2+len(body))
	binary.BigEndian.PutUint16(frame, uint16(len(body)))
	_, err := c.Write(append(frame, body...))
	return err
}

func tlv(kind byte, value ...byte) []byte {
	return append([]byte{kind, byte(len(value))}, value...)
}

// parseTLVs wants each type of known, with its length.
func parseTLVs(data []byte, known map[byte]int) (map[byte][]byte, error) {
	found := map[byte][]byte{}
	for len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(data[1]) {
			return nil, errors.New("truncated TLV")
		}
		kind, value := data[0], data[2:2+int(data[1])]
		data = data[2+len(value):]
		length, isKnown := known[kind]
		_, twice := found[kind]
		switch {
		case twice:
			return nil, fmt.Errorf("TLV %d twice", kind)
		case !isKnown && kind > 127:
			return nil, fmt.Errorf("unknown TLV %d", kind)
		case isKnown && len(value) != length:
			return nil, fmt.Errorf("TLV %d has %d bytes", kind, len(value))
		}
		found[kind] = value
	}
	for kind := range known {
		if _, there := found[kind]; !there {
			return nil, fmt.Errorf("required TLV %d is missing", kind)
		}
	}
	return found, nil
}

func record(kind byte, body ...byte) []byte {
	return append([]byte{kind, 0, 0, 0}, body...)
}

func parseRecord(data []byte, kind byte, name string) ([]byte, error) {
	if len(data) < 4 {
		return nil, errors.New("a record without its header")
	}
	if data[0] != kind {
		return nil, fmt.Errorf("record of type %d where %s belongs", data[0], name)
	}
	if data[1] != 0 || data[2] != 0 || data[3] != 0 {
		return nil, fmt.Errorf("%s with a flag or a stream", name)
	}
	return data[4:], nil
}

func checkReady(data []byte) error {
	body, err := parseRecord(data, ready, "READY")
	if err != nil {
		return err
	}
	values, err := parseTLVs(body, map[byte]int{capabilities: 4, recordMax: 2, streamsMax: 2})
	if err != nil {
		return err
	}
	if !bytes.Equal(values[capabilities], make([]byte, 4)) {
		return errors.New("capabilities in version 1")
	}
	if largest := binary.BigEndian.Uint16(values[recordMax]); largest < 512 || largest > 65519 {
		return errors.New("largest record out of range")
	}
	return nil
}

func checkPong(data, token []byte) error {
	body, err := parseRecord(data, pong, "PONG")
	if err == nil && !bytes.Equal(body, token) {
		err = errors.New("PONG carries another token")
	}
	return err
}

func newState(s session, prologue []byte) (*noise.HandshakeState, error) {
	private, err := hex.DecodeString(s.Static)
	if err != nil {
		return nil, err
	}
	responder, err := hex.DecodeString(s.Responder)
	if err != nil {
		return nil, err
	}
	own, err := noise.DH25519.GenerateKeypair(bytes.NewReader(private)) // its 32 bytes are the private key
	if err != nil {
		return nil, err
	}
	return noise.NewHandshakeState(noise.Config{
		CipherSuite: noise.NewCipherSuite(noise.DH25519, noise.CipherChaChaPoly, noise.HashBLAKE2s),
		Pattern:     noise.HandshakeXK, Initiator: true, Prologue: prologue, StaticKeypair: own, PeerStatic: responder})
}

// exchange runs the three messages; returns the ciphers for sending and receiving.
func exchange(c net.Conn, s session, r *result) (*noise.CipherState, *noise.CipherState, error) {
	prologue := append([]byte{'D', 'S', 'B', version, byte(len(s.ResponderID))}, s.ResponderID...)
	r.Prologue = hex.EncodeToString(prologue)
	state, err := newState(s, prologue)
	if err != nil {
		return nil, nil, err
	}
	message, _, _, err := state.WriteMessage(nil, nil)
	if err != nil {
		return nil, nil, err
	}
	r.Ephemeral = hex.EncodeToString(state.LocalEphemeral().Private)
	r.Messages = append(r.Messages, hex.EncodeToString(message))
	if _, err = c.Write([]byte{'D', 'S', 'B', version}); err != nil {
		return nil, nil, err
	}
	if err = sendFrame(c, message); err != nil {
		return nil, nil, err
	}

	answer, err := receiveFrame(c, 48, 48)
	if err != nil {
		return nil, nil, err
	}
	r.Messages = append(r.Messages, hex.EncodeToString(answer))
	payload, _, _, err := state.ReadMessage(nil, answer)
	if err != nil || len(payload) != 0 {
		return nil, nil, fmt.Errorf("message 2: %d bytes of payload, %v", len(payload), err)
	}

	payload = append(tlv(capabilities, 0, 0, 0, 0), tlv(recordMax, 0xff, 0xef)...)
	payload = append(append(payload, tlv(streamsMax, 0, 16)...), tlv(deviceID, []byte(s.ID)...)...)
	message, sending, receiving, err := state.WriteMessage(nil, payload)
	if err != nil {
		return nil, nil, err
	}
	r.Messages = append(r.Messages, hex.EncodeToString(message))
	r.Hash = hex.EncodeToString(state.ChannelBinding())
	return sending, receiving, sendFrame(c, message)
}

func awaitReady(c net.Conn, receiving *noise.CipherState, control string) error {
	sealed, err := receiveFrame(c, 17, 65535)
	if err != nil {
		return err
	}
	if control == "damaged-ready" {
		sealed[len(sealed)/2] ^= 1
	}
	opened, err := receiving.Decrypt(nil, nil, sealed)
	if err != nil {
		return errors.New("READY does not authenticate")
	}
	return checkReady(opened)
}

func pingPong(c net.Conn, sending, receiving *noise.CipherState, control string, r *result) error {
	token := make([]byte, 8)
	if _, err := rand.Read(token); err != nil {
		return err
	}
	r.Token = hex.EncodeToString(token)
	sealed, err := sending.Encrypt(nil, nil, record(ping, token...))
	if err != nil {
		return err
	}
	if err = sendFrame(c, sealed); err != nil {
		return err
	}
	answer, err := receiveFrame(c, 17, 65535)
	if err == errRefused {
		return errors.New("closed after READY")
	} else if err != nil {
		return err
	}
	opened, err := receiving.Decrypt(nil, nil, answer)
	if err != nil {
		return errors.New("PONG does not authenticate")
	}
	if control == "other-token" {
		token[0] ^= 1
	}
	return checkPong(opened, token)
}

func sayBye(c net.Conn, sending *noise.CipherState) error {
	sealed, err := sending.Encrypt(nil, nil, record(bye, 0))
	if err != nil {
		return err
	}
	if err = sendFrame(c, sealed); err != nil {
		return err
	}
	_, err = receive(c, 1)
	if err == errRefused {
		return nil
	} else if err == nil {
		err = errors.New("bytes")
	}
	return fmt.Errorf("after BYE: %w", err)
}

func converse(port int, s session, r *result) error {
	c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), timeout)
	if err != nil {
		return err
	}
	defer c.Close()
	if err = c.SetDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	r.SourcePort = c.LocalAddr().(*net.TCPAddr).Port
	sending, receiving, err := exchange(c, s, r)
	if err != nil {
		return err
	}
	if err = awaitReady(c, receiving, s.Control); err != nil {
		return err
	}
	if err = pingPong(c, sending, receiving, s.Control, r); err != nil {
		return err
	}
	return sayBye(c, sending)
}

func main() {
	var plan struct {
		Port     int       `json:"port"`
		Sessions []session `json:"sessions"`
	}
	if err := json.NewDecoder(os.Stdin).Decode(&plan); err != nil {
		fmt.Fprintln(os.Stderr, "plan:", err)
		os.Exit(2)
	}
	out := json.NewEncoder(os.Stdout)
	for _, s := range plan.Sessions {
		r := result{Name: s.Name, Messages: []string{}, Outcome: "pong"}
		if err := converse(plan.Port, s, &r); err == errRefused {
			r.Outcome = "refused"
		} else if err != nil {
			r.Outcome = "error: " + err.Error()
		}
		if err := out.Encode(r); err != nil {
			os.Exit(2)
		}
	}
}
