// Heads into attention (numerics, section 7, step 1): keeps a vector with the magnitude of every head, then replays it through the
// quantiser. Codes of beat b stand b + 3 cycles after `replay`.
`include "hw_round.vh"
`include "hw_check.vh"
module hw_quantize #(
  parameter V = 8,               // lanes: elements a beat
  parameter HEADS = 4,           // heads of the vector
  parameter HEAD_DIM = 8,        // elements of a head
  parameter IB = 16,             // bits of an input element
  parameter CB = 8               // bits of a code
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input in_valid,                // a beat is on in_data
  input [V*IB-1:0] in_data,      // V elements of IB bits, signed, lane 0 lowest
  output complete,               // all beats are in; falls with replay
  input replay,                  // the codes are wanted: begins to play the vector through the quantiser
  output [HEADS*HEAD_DIM*CB-1:0] codes, // element i at i, CB bits, signed
  output [HEADS*5-1:0] shifts    // bits by which each head was shifted to the right, 5 bits a head
);
  `HW_REQUIRE(IB < 128, hw_quantize_takes_elements_of_up_to_127_bits)
  `HW_REQUIRE(V % HEAD_DIM == 0 || HEAD_DIM % V == 0, hw_quantize_needs_whole_heads_a_beat_or_whole_beats_a_head)
  localparam LEN = HEADS * HEAD_DIM;
  localparam BEATS = (LEN + V - 1) / V;
  localparam BW = $clog2(BEATS + 1);
  localparam SIDE = (V > HEAD_DIM) ? V / HEAD_DIM : 1; // heads side by side in a beat
  localparam LANES = V / SIDE;   // lanes of each
  localparam LONG = HEAD_DIM / LANES; // beats of a head
  localparam HB = $clog2(BEATS + 1);
  `HW_BITLEN(bitlen, IB, 6)
  `HW_ROUND_DOWN(round, IB, 5, CB)
  // The bits of the magnitudes of a beat's head, one over the other.
  function [IB-1:0] magnitudes;
    input [LANES*IB-1:0] elements;
    reg [IB-1:0] x;
    integer l;
    begin
      magnitudes = 0;
      for (l = 0; l < LANES; l = l + 1) begin
        x = elements[l*IB +: IB];
        magnitudes = magnitudes | (x[IB-1] ? -x : x);
      end
    end
  endfunction
  // Shift of the head of lane `l` of the `at`th heads that come together; past the end the last one's.
  function [4:0] shift_at;
    input [HEADS*5-1:0] of;
    input [HB-1:0] at;
    input integer l;
    integer head;
    begin
      head = at * SIDE + l / LANES;
      shift_at = of[((head >= HEADS) ? HEADS - 1 : head)*5 +: 5];
    end
  endfunction
  function [CB-1:0] code_of;
    input [IB-1:0] element;
    input [4:0] by;
    reg clamped;
    {clamped, code_of} = round($signed(element), by);
  endfunction

  reg [BW-1:0] count_q, read_q;  // beat that comes next; that is read next
  reg complete_q, playing_q;
  reg [HEADS*IB-1:0] magnitude_q;
  reg [HEADS*5-1:0] shifts_q;
  reg [2:1] valid_q;             // beats in the stages: read; codes
  reg [BW-1:0] at1_q, at2_q;     // which ones
  reg [HB-1:0] heads_q;          // of the beat that is read: which of the heads that come together
  reg [V*CB-1:0] code_q;
  reg [BEATS*V*CB-1:0] all_q;
  wire [V*IB-1:0] word;
  wire play = replay || playing_q;
  assign complete = complete_q;
  assign codes = all_q[LEN*CB-1:0];
  assign shifts = shifts_q;
  hw_sram #(.WIDTH(V*IB), .DEPTH(BEATS), .AW(BW)) store (
    .clk(clk), .we(in_valid), .waddr(count_q), .wdata(in_data), .re(play), .raddr(read_q), .rdata(word));

  integer l, n;
  always @(posedge clk) begin
    // The vector once more, last stage first.
    if (valid_q[2]) for (n = 0; n < BEATS; n = n + 1) if (at2_q == n) all_q[n*V*CB +: V*CB] <= code_q;
    at2_q <= at1_q;
    if (valid_q[1]) for (l = 0; l < V; l = l + 1) code_q[l*CB +: CB] <= code_of(word[l*IB +: IB], shift_at(shifts_q, heads_q, l));
    valid_q <= {valid_q[1], play};
    at1_q <= read_q;
    if (play) begin
      heads_q <= read_q / LONG;
      read_q <= (read_q == BEATS - 1) ? 0 : read_q + 1;
      playing_q <= read_q != BEATS - 1;
    end
    if (replay) begin
      complete_q <= 0;
      for (n = 0; n < HEADS; n = n + 1) shifts_q[n*5 +: 5] <= bitlen(magnitude_q[n*IB +: IB] >> (CB - 1));
    end
    // The vector as it comes.
    if (in_valid) begin
      for (n = 0; n < HEADS; n = n + 1) if (count_q / LONG == n / SIDE)
        magnitude_q[n*IB +: IB] <=
          magnitudes(in_data[(n%SIDE)*LANES*IB +: LANES*IB]) | ((count_q % LONG == 0) ? {IB{1'b0}} : magnitude_q[n*IB +: IB]);
      count_q <= (count_q == BEATS - 1) ? 0 : count_q + 1;
      if (count_q == BEATS - 1) complete_q <= 1;
    end
    if (rst) begin
      count_q <= 0; complete_q <= 0; read_q <= 0; playing_q <= 0; valid_q <= 0;
    end
  end
endmodule
