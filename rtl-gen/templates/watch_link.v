
// Assertions. What breaks one ends the simulation with an `error` line.
`define HW_BROKEN(WHAT) begin $display WHAT; $finish; end

// A hand-over from station to station: a vector comes in BEATS beats one after another, to a station that was ready; every bit is known,
// and the header stays and is in range.
module hw_watch_link #(
  parameter PLACE = "",
  parameter BEATS = 1,
  parameter WIDTH = 1,
  parameter HEADER = 3,
  parameter POSW = 1,
  parameter UW = 1,
  parameter USERS = 1,
  parameter CONTEXT = 1,
  parameter LW = 0,              // bits of a round: 0 where tokens do not go round
  parameter ROUNDS = 1
) (
  input clk,
  input rst,
  input valid,
  input ready,
  input [WIDTH-1:0] data,
  input [HEADER-1:0] header      // want, round, user, position
);
  integer beat;
  reg [HEADER-1:0] held;
  // In a ring that is full all tokens go on at once: then a station takes one while it gives its last.
  wire may_start = ready || LW > 0;
  wire [31:0] place = header[POSW-1:0];
  wire [31:0] user = header[POSW +: UW];
  wire [31:0] round = (LW > 0) ? header >> (POSW + UW) & ((1 << LW) - 1) : 0;
  always @(posedge clk) begin
    if (valid && beat == 0) held <= header;
    if (valid) beat <= (beat == BEATS - 1) ? 0 : beat + 1;
    if (rst) beat <= 0;
    else begin
      if ((valid ^ ready) === 1'bx) `HW_BROKEN(("error watch %0s: valid or ready is not known", PLACE))
      else if (!valid && beat != 0) `HW_BROKEN(("error watch %0s: a vector stopped after %0d of %0d beats", PLACE, beat, BEATS))
      else if (valid && beat == 0 && !may_start) `HW_BROKEN(("error watch %0s: a vector came to a station that was not ready", PLACE))
      else if (valid && beat != 0 && header !== held) `HW_BROKEN(("error watch %0s: the header changed within a vector", PLACE))
      else if (valid && (place >= CONTEXT || user >= USERS || round >= ROUNDS))
        `HW_BROKEN(("error watch %0s: position %0d, user %0d or round %0d is out of range", PLACE, place, user, round))
      else if (valid && ((^data) === 1'bx || (^header) === 1'bx)) `HW_BROKEN(("error watch %0s: a bit of beat %0d is not known", PLACE, beat))
    end
  end
endmodule
