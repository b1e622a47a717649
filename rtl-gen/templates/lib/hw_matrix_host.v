// What a host says byte by byte, to the rows of one matrix, and its outputs back (docs/fpga.md). Each input is IN_BYTES bytes, the lowest first, of which
// the lowest A bits count; behind the last input come all outputs, OUT_BYTES each, their signs extended. Bytes come no faster than a row and a scan
// of the matrix's outputs take.
module hw_matrix_host #(
  parameter ROWS = 16,           // inputs of the matrix
  parameter GROUP = 16,          // inputs that share a scale
  parameter A = 8,               // bits of an input
  parameter IN_BYTES = 1,        // bytes of an input: A / 8, rounded up
  parameter AB = 12,             // bits of a group's sum of inputs
  parameter RW = 5,              // bits of a row number
  parameter V = 2,               // outputs a beat
  parameter BEATS = 8,           // beats of the outputs
  parameter OB = 16,             // bits of an output
  parameter OUT_BYTES = 2        // bytes of an output: OB / 8, rounded up
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input byte_in_valid,           // a byte of the host is on `byte_in` in this cycle
  input [7:0] byte_in,           // the byte
  output byte_out_valid,         // a byte for the host is on `byte_out`
  input byte_out_ready,          // it is taken in this cycle
  output [7:0] byte_out,         // the byte
  output row_valid,              // a row is on the ports
  output [RW-1:0] row,           // its number, from 0
  output row_end,                // it is the last row of its group
  output row_last,               // it is the last row of the vector
  output [A-1:0] a,              // the input, signed
  output [AB-1:0] asum,          // the group's sum of inputs, signed; stands from two cycles after row_end
  input out_valid,               // a beat of outputs is on `out_data`
  input [V*OB-1:0] out_data      // V outputs, signed, lane 0 lowest
);
  localparam BEAT = V * OUT_BYTES * 8;
  localparam BYTES = BEATS * V * OUT_BYTES;
  localparam CW = $clog2(BYTES + 1);
  localparam IW = $clog2(IN_BYTES + 1);
  reg [8*IN_BYTES-1:0] input_q;  // bytes of the input that comes, the last one uppermost
  reg [IW-1:0] came_q;           // how many
  reg row_valid_q, row_end_q, row_last_q;
  reg [RW-1:0] next_q, row_q, in_group_q;
  reg [AB-1:0] sum_q, asum_q;
  reg [BYTES*8-1:0] outputs_q;   // the next byte to go lowest
  reg [CW-1:0] left_q;           // bytes to go
  reg going_q;                   // all outputs are there, and go
  wire [8*IN_BYTES+7:0] shifted = {byte_in, input_q};
  wire whole = byte_in_valid && came_q == IN_BYTES - 1;
  wire signed [A-1:0] element = input_q[A-1:0];
  wire [AB-1:0] sum_d = sum_q + {{(AB-A){element[A-1]}}, element};
  assign row_valid = row_valid_q;
  assign row = row_q;
  assign row_end = row_end_q;
  assign row_last = row_last_q;
  assign a = element;
  assign asum = asum_q;
  assign byte_out_valid = going_q;
  assign byte_out = outputs_q[7:0];

  // A beat's outputs, each with its sign in whole bytes.
  function [BEAT-1:0] extended;
    input [V*OB-1:0] of;
    reg signed [8*OUT_BYTES-1:0] y;
    integer l;
    for (l = 0; l < V; l = l + 1) begin
      y = $signed(of[l*OB +: OB]);
      extended[l*8*OUT_BYTES +: 8*OUT_BYTES] = y;
    end
  endfunction
  wire [BYTES*8+BEAT-1:0] appended = {extended(out_data), outputs_q};

  always @(posedge clk) begin
    row_valid_q <= whole;
    row_end_q <= whole && in_group_q == GROUP - 1;
    row_last_q <= whole && next_q == ROWS - 1;
    if (byte_in_valid) begin
      input_q <= shifted[8*IN_BYTES+7:8];
      came_q <= whole ? 0 : came_q + 1;
    end
    if (whole) begin
      row_q <= next_q;
      next_q <= (next_q == ROWS - 1) ? 0 : next_q + 1;
      in_group_q <= (in_group_q == GROUP - 1) ? 0 : in_group_q + 1;
    end
    if (row_valid_q) begin
      sum_q <= row_end_q ? 0 : sum_d;
      if (row_end_q) asum_q <= sum_d;
    end
    if (out_valid) begin
      outputs_q <= appended[BYTES*8+BEAT-1:BEAT];
      left_q <= left_q + V * OUT_BYTES;
      going_q <= left_q == BYTES - V * OUT_BYTES;
    end else if (byte_out_valid && byte_out_ready) begin
      outputs_q <= outputs_q >> 8;
      left_q <= left_q - 1;
      going_q <= left_q != 1;
    end
    if (rst) begin
      came_q <= 0; row_valid_q <= 0; row_end_q <= 0; row_last_q <= 0; next_q <= 0; in_group_q <= 0; sum_q <= 0; left_q <= 0;
      going_q <= 0;
    end
  end
endmodule
