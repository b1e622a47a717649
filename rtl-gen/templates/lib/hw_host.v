// What a host says byte by byte, to tokens and back (docs/fpga.md has the protocol). A frame is a head and an id, lowest byte first: bit 7 of the
// head says that a sequence begins, the rest how many tokens to generate after this one, each of which is given in again. An answer is a head, and
// behind one whose bit 7 is set an id: one for each generated token, or one without an id where none was to be generated.
module hw_host #(
  parameter IDW = 1,             // bits of an id
  parameter BYTES = 1            // bytes of an id: IDW / 8, rounded up
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input byte_in_valid,           // a byte of the host is on `byte_in` in this cycle
  input [7:0] byte_in,           // the byte
  output byte_out_valid,         // a byte for the host is on `byte_out`
  input byte_out_ready,          // it is taken in this cycle
  output [7:0] byte_out,         // the byte
  output in_valid,               // a token is offered to the chip
  input in_ready,                // it is taken in this cycle
  output [IDW-1:0] in_id,        // its id
  output in_first,               // a sequence begins with it
  output in_want,                // an output is wanted for it
  input out_valid,               // a token of the chip
  output out_ready,              // it is taken in this cycle
  input [IDW-1:0] out_id,        // its id
  input [2:0] flags              // of the chip, handed on in every head: a token was dropped as the context was full; as there is none such; overflow
);
  localparam FRAME = 8 * BYTES + 8;
  localparam CW = $clog2(BYTES + 2);
  reg [FRAME-1:0] frame_q;       // bytes of the frame that comes, the last one uppermost
  reg [CW-1:0] came_q;           // how many
  reg offered_q, first_q;
  reg [6:0] left_q;              // tokens to generate
  reg [IDW-1:0] id_q;
  reg [FRAME-1:0] answer_q;      // bytes of the answer, the next one lowest
  reg [CW-1:0] going_q;          // how many
  wire [FRAME-1:0] frame = {byte_in, frame_q[FRAME-1:8]};
  wire whole = byte_in_valid && came_q == BYTES;
  wire taken = offered_q && in_ready;
  wire generated = out_valid && out_ready;
  wire [8*BYTES-1:0] padded = out_id;
  assign in_valid = offered_q;
  assign in_id = id_q;
  assign in_first = first_q;
  assign in_want = left_q != 0;
  assign out_ready = going_q == 0 && !offered_q;
  assign byte_out_valid = going_q != 0;
  assign byte_out = answer_q[7:0];

  always @(posedge clk) begin
    if (byte_in_valid) begin
      frame_q <= frame;
      came_q <= whole ? 0 : came_q + 1;
    end
    if (byte_out_valid && byte_out_ready) begin
      answer_q <= answer_q >> 8;
      going_q <= going_q - 1;
    end
    if (taken) begin
      offered_q <= 0;
      first_q <= 0;
      if (!in_want) begin
        answer_q <= {5'd0, flags};
        going_q <= 1;
      end
    end
    if (generated) begin
      answer_q <= {padded, 5'b10000, flags};
      going_q <= BYTES + 1;
      left_q <= left_q - 1;
      id_q <= out_id;
      offered_q <= left_q > 1;
    end
    if (whole) begin
      offered_q <= 1;
      first_q <= frame[7];
      left_q <= frame[6:0];
      id_q <= frame[8 +: IDW];
    end
    if (rst) begin
      came_q <= 0; offered_q <= 0; first_q <= 0; left_q <= 0; going_q <= 0;
    end
  end
endmodule
